/** The coordinator's store: group commits, leases, the rules of a job's life. */
import { queuedJob } from '@aitbc/market';
import { hex, randomBytes, sha256, systemClock, utf8 } from '@aitbc/primitives';
import { dataOf, result } from './payload.mjs';

const store = new URL('../../../apps/coordinator/dist/store/store.js', import.meta.url).href;
const providers = Array.from({ length: 16 }, (_, at) => `ait1provider${at}`.padEnd(42, 'q'));
const inHand = 500;
const lanes = 16;
const offerId = hex(sha256(utf8('offer')));

/** Opens the database. */
export async function open(url) {
  const { openStore } = await import(store);
  const { jobs, close } = await openStore({
    url,
    clock: systemClock,
    randomBytes,
    onFailure(error) {
      throw error;
    },
  });
  let turn = 0;
  return {
    async enqueue(from, to) {
      const nowMs = systemClock.nowMs();
      await jobs.enqueue(Array.from({ length: to - from }, (_, at) => newJob(from + at, nowMs)));
    },
    async work(count) {
      let done = 0;
      await Promise.all(
        Array.from({ length: lanes }, async (_, lane) => {
          while (done < count) {
            const leased = await jobs.lease(
              providers[lane % providers.length],
              Math.floor(inHand / lanes),
            );
            if (leased.length === 0) return;
            await Promise.all(leased.map(complete));
            done += leased.length;
          }
        }),
      );
      if (done !== count) throw new Error(`${done} of ${count} jobs were done`);
    },
    /** Dispatches and completes the next job. */
    async one() {
      for (;;) {
        turn += 1;
        const [leased] = await jobs.lease(providers[turn % providers.length], 1);
        if (leased) return complete(leased);
      }
    },
    close,
  };

  async function complete({ stored }) {
    const { jobId, provider } = stored.job;
    const change = { jobId, event: { type: 'result', provider }, output: result, known: stored };
    const verdict = await jobs.change(change);
    if (!verdict.ok) throw new Error(verdict.code);
  }
}

function newJob(number, nowMs) {
  const { body, payment } = dataOf(number);
  const provider = providers[number % providers.length];
  const deadlineMs = nowMs + 24 * 3_600_000;
  const job = { ...queuedJob(hex(sha256(utf8(`job ${number}`))), provider, nowMs), deadlineMs };
  const record = {
    job,
    payer: providers[0],
    offerId,
    model: 'qwen3:8b',
    webhook: null,
    batch: null,
  };
  return { record, papers: { body, payment } };
}
