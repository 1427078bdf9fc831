/** Loaded into a daemon by `--import`: leaves a CPU profile of its main thread when it ends. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const folder = process.env.AITBC_BENCH_PROFILE;
const daemon = /apps\/(gateway|provider)\//.exec(process.argv[1] ?? '')?.[1];

if (folder && daemon && isMainThread) {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.start');
  process.once('exit', () => {
    session.post('Profiler.stop', (_error, { profile }) => {
      writeFileSync(join(folder, `${daemon}-${process.pid}.cpuprofile`), JSON.stringify(profile));
    });
  });
}
