/** The built coordinator as a child process: started, killed with SIGKILL. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A running coordinator process. */
export interface CoordinatorProcess {
  readonly url: string;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

const program = fileURLToPath(new URL('../../dist/testing/child-coordinator.js', import.meta.url));
const startTimeoutMs = 20_000;

/** Starts a process on a database. */
export async function startCoordinatorProcess(
  databaseUrl: string,
  dataDir: string,
  providers: readonly string[],
): Promise<CoordinatorProcess> {
  if (!existsSync(program)) throw new Error(`${program} is not built; run npm run build`);
  const child = spawn(process.execPath, [program, databaseUrl, dataDir, ...providers], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const signal = AbortSignal.timeout(startTimeoutMs);
  const first = await Promise.race([
    once(lines, 'line', { signal }),
    gone.then(([code]) => {
      throw new Error(`the coordinator ended with ${code} before it was ready`);
    }),
  ]);
  const { url } = JSON.parse(String(first[0])) as { url: string };
  return {
    url,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
