/** The command line of `--init DIR`: prints one JSON line with the files it wrote. */
import { resolve } from 'node:path';
import { AppError, asAppError } from '@aitbc/protocol';
import { initDevnet } from './init-devnet.ts';

/** The part of `process` that is used. */
export interface InitHost {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  exitCode?: number | string | null | undefined;
}

/** Makes the files; on a fault it prints the message and sets the exit code. */
export function runInit(argv: readonly string[], host: InitHost): void {
  try {
    const [flag, folder, ...rest] = argv;
    if (flag !== '--init' || !folder || rest.length > 0) {
      throw new AppError('CONFIG_INVALID', { reason: 'usage: --init DIR' });
    }
    const result = initDevnet({ folder: resolve(folder), timeMs: Date.now() });
    host.stdout.write(`${JSON.stringify(result)}\n`);
  } catch (error) {
    const known = asAppError(error);
    if (known.code === 'INTERNAL') throw error;
    host.stderr.write(`aitbc-node: ${known.message}\n`);
    host.exitCode = known.row.exitCode;
  }
}
