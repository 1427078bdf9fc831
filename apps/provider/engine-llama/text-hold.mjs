/**
 * Decides which generated text may leave the worker.
 *
 * Two things hold text back. A character can need several tokens, and half a character must not leave:
 * delivered text then always ends between characters, so that another provider can continue it. And
 * text that may turn out to be the start of a stop string waits until that is decided.
 *
 * A piece is `[text, tokens]`: the tokens whose text ends in this piece. Both holds keep tokens with
 * their text. `releaseCounts` gives up that tie when the consumer has granted no more tokens and would
 * otherwise wait for text that waits for it.
 */

const REPLACEMENT = '\uFFFD';
/** UTF-8 needs at most 4 bytes, so at most 4 byte tokens; after that the bytes are really broken. */
const CHARACTER_TOKENS_MAX = 4;
/** How many earlier tokens the detokenizer sees, for tokenizers that add spaces by context. */
const CONTEXT_TOKENS = 4;

/**
 * Turns tokens into text in whole characters: `push(token)` gives a piece, or undefined while it holds. `earlier`
 * are the tokens of an answer that is continued.
 */
export function createCharacterHold(detokenize, earlier = []) {
  let held = [];
  let reported = 0;
  let before = earlier.slice(-CONTEXT_TOKENS);
  return {
    push(token) {
      held.push(token);
      const text = detokenize(held, before);
      if (text.endsWith(REPLACEMENT) && held.length < CHARACTER_TOKENS_MAX) return undefined;
      const piece = [text, held.length - reported];
      before = [...before, ...held].slice(-CONTEXT_TOKENS);
      held = [];
      reported = 0;
      return piece;
    },
    /** Tokens held and not reported yet; they count as reported from now on. */
    releaseCounts() {
      const count = held.length - reported;
      reported = held.length;
      return count;
    },
    get isHolding() {
      return held.length > 0;
    },
  };
}

/** Index of the first stop string in the text, or -1. */
function firstStop(text, stops) {
  const found = stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}

/** Length of the longest end of the text that is the beginning of a stop string. */
function heldLength(text, stops) {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}

/** Takes whole pieces out of `held` until `length` characters are out; with `cut`, also a part of the next. */
function takePieces(held, length, cut) {
  const out = [];
  let left = length;
  while (held.length > 0 && held[0][0].length <= left) {
    const piece = held.shift();
    left -= piece[0].length;
    out.push(piece);
  }
  if (cut && left > 0) out.push([held[0][0].slice(0, left), held[0][1]]);
  return out;
}

/** Filters pieces through the stop strings: `push(piece)` gives the pieces to send and whether to stop. */
export function createStopHold(stops) {
  let held = [];
  return {
    push(piece) {
      if (stops.length === 0) return { pieces: [piece], stopped: false };
      held.push(piece);
      const text = held.map(([part]) => part).join('');
      const stopAt = firstStop(text, stops);
      if (stopAt >= 0) {
        const pieces = stopAt === 0 ? [] : takePieces(held, stopAt, true);
        held = [];
        return { pieces, stopped: true };
      }
      return {
        pieces: takePieces(held, text.length - heldLength(text, stops), false),
        stopped: false,
      };
    },
    releaseCounts() {
      const count = held.reduce((sum, [, tokens]) => sum + tokens, 0);
      held = held.map(([text]) => [text, 0]);
      return count;
    },
    /** All that is still held: the generation ended without a stop string. */
    flush() {
      const pieces = held;
      held = [];
      return pieces;
    },
  };
}
