/** pg-boss on PostgreSQL: `send` or `insert`, then `fetch` and `complete` in lots of 250, two of them at a time. */
import { createRequire } from 'node:module';
import { dataOf, result } from './payload.mjs';

const peer = createRequire(new URL('peers/package.json', import.meta.url));
const PgBoss = peer('pg-boss');
const batchSize = 250;
const lanes = 2;

/** Opens the queue. */
export async function open(url) {
  const boss = new PgBoss({ connectionString: url });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue('jobs');
  return {
    async enqueue(from, to) {
      const all = Array.from({ length: to - from }, (_, at) => dataOf(from + at));
      if (all.length === 1) await boss.send('jobs', all[0]);
      else await boss.insert(all.map((data) => ({ name: 'jobs', data })));
    },
    async work(count) {
      let done = 0;
      const lane = async () => {
        while (done < count) {
          const fetched = (await boss.fetch('jobs', { batchSize })) ?? [];
          if (fetched.length === 0) return;
          await boss.complete(
            'jobs',
            fetched.map(({ id }) => id),
            result,
          );
          done += fetched.length;
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));
      if (done !== count) throw new Error(`${done} of ${count} jobs were done`);
    },
    close: () => boss.stop({ graceful: false }),
  };
}
