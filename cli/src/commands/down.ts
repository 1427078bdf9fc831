/** `aitbc down`: stops the devnet that `aitbc up` runs, from another terminal. */
import { AppError } from '@aitbc/protocol/errors';
import { pause } from '../chain/await-final.ts';
import { defineCommand } from '../command/define-command.ts';
import { isAlive, isRunning, readDevnetFile, removeDevnetFile } from '../devnet/devnet-file.ts';

const stopTimeoutMs = 30_000;
const pollMs = 50;

export default defineCommand({
  summary: 'Stop the network that `aitbc up` started',
  details: 'Keys, chain and records stay in the home folder.',
  examples: [
    { line: 'aitbc down', note: 'stop the network of the default home folder' },
    { line: 'aitbc down --home ./demo', note: 'stop the one of another folder' },
  ],
  async run({ home, out, signal }) {
    const devnet = readDevnetFile(home);
    if (!devnet || !isRunning(devnet)) {
      removeDevnetFile(home);
      throw new AppError('DEVNET_NOT_RUNNING', { dataDir: home });
    }
    process.kill(devnet.pid, 'SIGTERM');
    const begunMs = performance.now();
    while (isAlive(devnet.pid) && readDevnetFile(home)?.pid === devnet.pid) {
      if (performance.now() - begunMs > stopTimeoutMs) {
        throw new AppError('TIMEOUT', { what: 'The devnet', timeoutMs: stopTimeoutMs });
      }
      await pause(pollMs, signal);
    }
    const ms = Math.round(performance.now() - begunMs);
    out.result(
      { stopped: true, pid: devnet.pid, ms },
      () => `Stopped in ${ms} ms. Nothing was deleted.`,
    );
  },
});
