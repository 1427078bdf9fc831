/** The built node as a process of its own: started, killed, started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestFolder } from './test-node.ts';

/** A running node process. */
export interface ChildNode {
  readonly url: string;
  readonly pid: number;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>;
}

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const startMs = 20_000;

/** Starts the process and waits for its `ready` line. */
export async function startChild({ folder, dataDir }: TestFolder): Promise<ChildNode> {
  if (!existsSync(main)) throw new Error(`${main} is not built; run npm run build`);
  const files = {
    '--data-dir': dataDir,
    '--genesis-file': join(folder, 'genesis.json'),
    '--key-file': join(folder, 'validator.key'),
    '--faucet-key-file': join(folder, 'faucet.key'),
  };
  const settings = [...Object.entries(files).flat(), '--port', '0', '--exit-with-parent'];
  const child = spawn(process.execPath, [main, ...settings], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await readyUrl(child, gone);
  return {
    url,
    pid: child.pid as number,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    stop() {
      child.kill('SIGTERM');
      return gone;
    },
  };
}

function readyUrl(child: ChildProcess, gone: Promise<unknown>): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the node was not ready in time')), startMs);
    let text = '';
    void gone.then((code) => reject(new Error(`the node ended with ${code}: ${text}`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (const line of text.split('\n').slice(0, -1)) {
        const { msg, url } = JSON.parse(line);
        if (msg !== 'ready') continue;
        clearTimeout(timer);
        resolve(url);
      }
    });
  });
}
