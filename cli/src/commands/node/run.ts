/** `aitbc node run`: a node in the foreground. */
import { spawn } from 'node:child_process';
import { AppError } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { entryOf, nodeFlagsOf } from '../../devnet/daemon-process.ts';
import { openNodeFolder } from '../../node/node-folder.ts';

export default defineCommand({
  summary: 'Run the node of a folder until Ctrl-C; its log goes to standard output',
  arguments: [{ name: 'dir', help: 'folder of aitbc node init or join' }],
  examples: [{ line: 'aitbc node run ~/follower', note: 'the log is one JSON object a line' }],
  async run({ signal }, { args: { dir } }) {
    const { settingsFile } = openNodeFolder(dir);
    const args = [...nodeFlagsOf('node'), entryOf('node'), '--config', settingsFile];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true, // Ctrl-C of the terminal reaches only us; the node is asked to end
    });
    const stop = () => void child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const end = await new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code) => resolve(code === 0 ? '' : `exit code ${code}`));
    });
    signal.removeEventListener('abort', stop);
    if (end !== '') throw new AppError('DAEMON_FAILED', { daemon: 'node', reason: end });
  },
});
