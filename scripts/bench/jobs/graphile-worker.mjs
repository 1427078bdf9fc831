/** graphile-worker on PostgreSQL, tuned: a local queue of 500 and completions in lots. */
import { createRequire } from 'node:module';
import { dataOf } from './payload.mjs';

const peer = createRequire(new URL('peers/package.json', import.meta.url));
const { makeWorkerUtils, run } = peer('graphile-worker');
const silent = { error: console.error, warn: () => {}, info: () => {}, debug: () => {} };

/** Opens the queue. */
export async function open(connectionString) {
  const { Logger } = peer('graphile-worker');
  const logger = new Logger(() => (level, message) => silent[level]?.(message));
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  const worker = {
    concurrentJobs: 24,
    maxPoolSize: 10,
    pollInterval: 100,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  };
  return {
    async enqueue(from, to) {
      const all = Array.from({ length: to - from }, (_, at) => dataOf(from + at));
      if (all.length === 1) await utils.addJob('job', all[0]);
      else await utils.addJobs(all.map((payload) => ({ identifier: 'job', payload })));
    },
    async work(count) {
      let done = 0;
      let finish;
      const finished = new Promise((resolve) => {
        finish = resolve;
      });
      const runner = await run({
        ...{ connectionString, logger, noHandleSignals: true, preset: { worker } },
        taskList: { job: async () => {} },
      });
      runner.events.on('job:complete', () => {
        done += 1;
        if (done === count) finish();
      });
      await finished;
      await runner.stop();
    },
    close: () => utils.release(),
  };
}
