/**
 * One generation on one sequence.
 *
 * Credits: the parent grants tokens; each generated token takes one; at zero the loop waits. Half a
 * character may overdraw by a few tokens, so that what was sent ends between characters.
 * Sending: a token goes out at once when none went out in the last 2 ms, else with its neighbours: at
 * 50 tokens/s nothing waits, at 1 000 tokens/s a message carries two or three.
 */
import { BadRequest, promptTokensOf } from './model.mjs';
import { createCharacterHold, createStopHold } from './text-hold.mjs';

const SEND_INTERVAL_MS = 2;
/** The prompt is read in parts of this size, so that a cancelled job leaves soon. */
const PROMPT_PART_TOKENS = 128;
const OVERDRAFT_TOKENS = 3;
const SAMPLING_DEFAULTS = { temperature: 0.8, topK: 40, topP: 0.95 };

/** Collects pieces and sends them in small groups. */
function createSender(id, send) {
  let pieces = [];
  let lastMs = 0;
  let timer;
  function flush() {
    clearTimeout(timer);
    timer = undefined;
    if (pieces.length === 0) return;
    send({ t: 'pieces', id, p: pieces });
    pieces = [];
    lastMs = performance.now();
  }
  return {
    flush,
    add(piece) {
      pieces.push(piece);
      const waitMs = lastMs + SEND_INTERVAL_MS - performance.now();
      if (waitMs <= 0) flush();
      else timer ??= setTimeout(flush, waitMs);
    },
  };
}

/** Tokens the consumer still wants; `take` waits at zero. */
export function createCredits(count) {
  let left = count;
  let wake;
  return {
    grant(more) {
      left += more;
      wake?.();
    },
    /** Wakes a waiter without a grant: the job was cancelled. */
    interrupt: () => wake?.(),
    spend: () => (left -= 1),
    left: () => left,
    async wait() {
      await new Promise((resolve) => {
        wake = resolve;
      });
      wake = undefined;
    },
  };
}

async function* readPromptAndGenerate({ sequence, tokens, options, job }) {
  let from = 0;
  while (tokens.length - from > PROMPT_PART_TOKENS && !job.cancelled) {
    await sequence.evaluateWithoutGeneratingNewTokens(
      tokens.slice(from, from + PROMPT_PART_TOKENS),
    );
    from += PROMPT_PART_TOKENS;
  }
  if (!job.cancelled) yield* sequence.evaluate(tokens.slice(from), options);
}

async function waitForCredit({ job, sender, characters, stops }) {
  const mayOverdraw = characters.isHolding && job.credits.left() > -OVERDRAFT_TOKENS;
  if (job.credits.left() > 0 || mayOverdraw) return 0;
  const count = characters.releaseCounts() + stops.releaseCounts();
  if (count > 0) sender.add(['', count]);
  sender.flush();
  while (job.credits.left() <= 0 && !job.cancelled) await job.credits.wait();
  return count;
}

/** Generates into the sender; gives the reason of the end and the number of tokens sent. */
async function generate({ loaded, sequence, tokens, request, job, sender }) {
  const { model } = loaded;
  const characters = createCharacterHold((ids, before) => model.detokenize(ids, false, before));
  const stops = createStopHold(request.stop ?? []);
  const room = Math.min(request.maxTokens, loaded.contextSize - tokens.length);
  const options = { ...SAMPLING_DEFAULTS, ...request.sampling };
  let sent = 0;
  let made = 0;
  const sendPieces = (pieces) => {
    for (const piece of pieces) {
      sent += piece[1];
      sender.add(piece);
    }
  };
  const result = (reason) => {
    sendPieces(stops.flush());
    const rest = characters.releaseCounts();
    if (rest > 0) sendPieces([['', rest]]);
    return { reason, completionTokens: sent };
  };
  for await (const token of readPromptAndGenerate({ sequence, tokens, options, job })) {
    if (job.cancelled) return { reason: 'cancelled', completionTokens: sent };
    made += 1;
    job.credits.spend();
    const piece = characters.push(token);
    const { pieces, stopped } = piece ? stops.push(piece) : { pieces: [], stopped: false };
    sendPieces(pieces);
    if (stopped) return { reason: 'stop', completionTokens: sent };
    if (made >= room) return result('length');
    sent += await waitForCredit({ job, sender, characters, stops });
    if (job.cancelled) return { reason: 'cancelled', completionTokens: sent };
  }
  return job.cancelled ? { reason: 'cancelled', completionTokens: sent } : result('stop');
}

/** Runs one request on a free sequence and leaves the sequence empty. */
export async function runJob({ loaded, sequence, request, job, send }) {
  const sender = createSender(job.id, send);
  let last;
  try {
    const tokens = promptTokensOf(loaded, request);
    if (tokens.length >= loaded.contextSize) {
      throw new BadRequest(
        `the prompt has ${tokens.length} tokens; the context holds ${loaded.contextSize}`,
      );
    }
    const outcome = await generate({ loaded, sequence, tokens, request, job, sender });
    last = { t: 'end', promptTokens: tokens.length, ...outcome };
  } catch (error) {
    last = { t: 'refused', bad: error instanceof BadRequest, reason: error.message };
  }
  await sequence.clearHistory();
  sender.flush();
  return { ...last, id: job.id };
}
