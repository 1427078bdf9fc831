/**
 * One generation on one sequence.
 *
 * Credits: the parent grants tokens; each generated token takes one; at zero the loop waits. Half a
 * character may overdraw by a few tokens, so that what was sent ends between characters.
 * Sending: a token goes out at once when none went out in the last 2 ms, else with its neighbours: at
 * 50 tokens/s nothing waits, at 1 000 tokens/s a message carries two or three.
 */
import { BadRequest, prefixTokensOf, promptTokensOf } from './model.mjs';
import { replayPrefix } from './replay.mjs';
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

/** Reads tokens in parts, up to a last part that is given back. */
async function readParts(sequence, tokens, job) {
  let from = 0;
  while (tokens.length - from > PROMPT_PART_TOKENS && !job.cancelled) {
    const part = tokens.slice(from, from + PROMPT_PART_TOKENS);
    await sequence.evaluateWithoutGeneratingNewTokens(part, job.evaluation);
    from += PROMPT_PART_TOKENS;
  }
  return tokens.slice(from);
}

/** Throws BadRequest when so many tokens leave no room for another. */
export function assertFits(count, contextSize) {
  if (count < contextSize) return;
  throw new BadRequest(`the prompt has ${count} tokens; the context holds ${contextSize}`);
}

/** Reads prompt and prefix; gives their number, the prefix, and the tokens that are left to read. */
export async function readPrompt({ loaded, sequence, request, job }) {
  const { model, contextSize } = loaded;
  const prompt = promptTokensOf(loaded, request);
  const guess = prefixTokensOf(loaded, request);
  assertFits(prompt.length + guess.length, contextSize);
  const all = [...prompt, ...guess];
  if (guess.length === 0 || request.sampling.temperature !== 0) {
    return { count: all.length, prefix: guess, rest: await readParts(sequence, all, job) };
  }
  const rest = await readParts(sequence, prompt, job);
  if (job.cancelled) return { count: all.length, prefix: guess, rest };
  if (rest.length > 1) {
    await sequence.evaluateWithoutGeneratingNewTokens(rest.slice(0, -1), job.evaluation);
  }
  const { prefixText } = request;
  const lastPromptToken = prompt.at(-1);
  const prefix = await replayPrefix({ model, sequence, lastPromptToken, prefixText, job });
  assertFits(prompt.length + prefix.length, contextSize);
  return { count: prompt.length + prefix.length, prefix, rest: prefix.slice(-1) };
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
async function generate({ loaded, sequence, read, request, job, sender }) {
  const { model } = loaded;
  const characters = createCharacterHold(
    (ids, before) => model.detokenize(ids, false, before),
    read.prefix,
  );
  const stops = createStopHold(request.stop ?? []);
  const room = Math.min(request.maxTokens, loaded.contextSize - read.count);
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
  if (job.cancelled) return { reason: 'cancelled', completionTokens: 0 };
  for await (const token of sequence.evaluate(read.rest, options)) {
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
    const read = await readPrompt({ loaded, sequence, request, job });
    const outcome = await generate({ loaded, sequence, read, request, job, sender });
    last = { t: 'end', promptTokens: read.count, ...outcome };
  } catch (error) {
    last = { t: 'refused', bad: error instanceof BadRequest, reason: error.message };
  }
  await sequence.clearHistory();
  sender.flush();
  return { ...last, id: job.id };
}

/** Turns texts into vectors; undefined when the job was cancelled. */
export async function runEmbedding({ loaded, inputs, job }) {
  const vectors = [];
  let promptTokens = 0;
  try {
    for (const text of inputs) {
      const { vector, tokens } = await loaded.embeddings.of(text);
      if (job.cancelled) return undefined;
      vectors.push(vector);
      promptTokens += tokens;
    }
    return { t: 'embedded', id: job.id, vectors, promptTokens };
  } catch (error) {
    return { t: 'refused', id: job.id, bad: error instanceof BadRequest, reason: error.message };
  }
}
