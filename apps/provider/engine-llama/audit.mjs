/**
 * Replays an answer that was sold at temperature 0: how far is it from what the model would have written? The prompt is
 * made, and the text of others is read, just as for a job that goes on with it; the answer is measured by read-text.mjs.
 */
import { assertFits, readPrompt } from './job.mjs';
import { BadRequest, prefixTokensOf } from './model.mjs';
import { LOW_PRIORITY, measureText, Unreadable } from './read-text.mjs';

/** How many earlier tokens the detokenizer sees, as in text-hold.mjs. */
const CONTEXT_TOKENS = 4;

/** Reads up to where the answer begins; undefined when the job was cancelled. */
async function readUpToText({ loaded, sequence, request, job }) {
  const { count, prefix, rest } = await readPrompt({ loaded, sequence, request, job });
  if (job.cancelled) return undefined;
  assertFits(count, loaded.contextSize);
  if (rest.length > 1) {
    await sequence.evaluateWithoutGeneratingNewTokens(rest.slice(0, -1), LOW_PRIORITY);
  }
  const before = prefix.slice(-CONTEXT_TOKENS);
  return { base: rest.at(-1), before, room: loaded.contextSize - count };
}

async function measure({ loaded, sequence, request, job }) {
  const { model } = loaded;
  const { text, stop: stops = [] } = request;
  const begin = await readUpToText({ loaded, sequence, request, job });
  const cut = (part) => prefixTokensOf({ model }, { prefixText: part });
  return begin && measureText({ model, sequence, text, stops, cut, job, ...begin });
}

/** Replays one answer on a free sequence and leaves the sequence empty; undefined when it was cancelled. */
export async function runAudit({ loaded, sequence, request, job }) {
  let last;
  try {
    const found = await measure({ loaded, sequence, request, job });
    last = found && { t: 'audited', id: job.id, measure: found };
  } catch (error) {
    const bad = error instanceof BadRequest || error instanceof Unreadable;
    last = { t: 'refused', id: job.id, bad, reason: error.message };
  }
  await sequence.clearHistory();
  return last;
}
