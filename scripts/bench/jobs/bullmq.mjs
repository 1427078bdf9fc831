/** BullMQ on Redis; completed jobs are kept with their result, as ours are. */
import { createRequire } from 'node:module';
import { dataOf, result } from './payload.mjs';

const peer = createRequire(new URL('peers/package.json', import.meta.url));
const { Queue, Worker } = peer('bullmq');
const concurrency = 500;

/** Opens the queue. */
export async function open(url) {
  const { hostname: host, port } = new URL(url);
  const connection = { host, port: Number(port), maxRetriesPerRequest: null };
  const queue = new Queue('jobs', { connection });
  await queue.waitUntilReady();
  let hand;
  return {
    async enqueue(from, to) {
      const all = Array.from({ length: to - from }, (_, at) => dataOf(from + at));
      if (all.length === 1) await queue.add('job', all[0]);
      else await queue.addBulk(all.map((data) => ({ name: 'job', data })));
    },
    async work(count) {
      let done = 0;
      const worker = new Worker('jobs', async () => result, { connection, concurrency });
      await new Promise((resolve, reject) => {
        worker.on('error', reject);
        worker.on('completed', () => {
          done += 1;
          if (done === count) resolve();
        });
      });
      await worker.close();
    },
    /** Dispatches and completes the next job. */
    async one() {
      hand ??= new Worker('jobs', null, { connection });
      const job = await hand.getNextJob('token');
      await job.moveToCompleted(result, 'token', false);
    },
    async close() {
      await hand?.close();
      await queue.close();
    },
  };
}
