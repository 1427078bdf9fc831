/** What a devnet that runs in a home folder tells the other commands. */
import { type DevnetFile, isRunning, readDevnetFile } from '../devnet/devnet-file.ts';

/** Addresses of the daemons. */
export interface Urls {
  readonly node: string;
  readonly wallet: string;
  readonly coordinator: string;
  readonly gateway: string;
  readonly provider: string;
}

/** The parts of the record that commands use. */
export type RunningDevnet = Pick<
  DevnetFile,
  'urls' | 'walletTokenFile' | 'genesisFile' | 'account'
>;

/** The devnet of this home, undefined when none runs. What a crash left behind counts as none. */
export function runningDevnetOf(home: string): RunningDevnet | undefined {
  const file = readOrNothing(home);
  return file && isRunning(file) ? file : undefined;
}

function readOrNothing(home: string): DevnetFile | undefined {
  try {
    return readDevnetFile(home);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // being written this very moment, or cut off
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR' || code === 'EACCES') return undefined; // `aitbc doctor` says what is wrong
    throw error;
  }
}
