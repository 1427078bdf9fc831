/** Structured logs: JSON lines on standard output, a constant message plus fields, secrets masked. */
import { type DestinationStream, type LoggerOptions, pino } from 'pino';

/** Writes one line. Fields first, then a constant message. */
export interface LogFunction {
  (fields: Record<string, unknown>, message: string): void;
  (message: string): void;
}

/** What parts get to write to. A pino logger is one. */
export interface Log {
  fatal: LogFunction;
  error: LogFunction;
  warn: LogFunction;
  info: LogFunction;
  debug: LogFunction;
  trace: LogFunction;
  level: string;
  isLevelEnabled(level: string): boolean;
  child(fields: Record<string, unknown>): Log;
}

/** Options of `createLog`. */
export interface LogOptions {
  /** Name of the daemon; a field of every line. */
  readonly name: string;
  /** Least serious level that is written; `silent` for none. Default `info`. */
  readonly level?: string;
  /** Default: standard output, written before the call returns so that a crash loses nothing. */
  readonly destination?: DestinationStream;
}

const secretKeys = [
  'secretKey',
  'password',
  'token',
  'authorization',
  'seed',
  'mnemonic',
  'privateKey',
  'cookie',
];
// The redactor has no "any depth"; three levels reach request headers inside a serialised error.
const secretPaths = secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

/** A log that masks fields named like secrets, up to three levels deep. */
export function createLog({ name, level = 'info', destination }: LogOptions): Log {
  const options: LoggerOptions = {
    name,
    level,
    redact: { paths: secretPaths, censor: '[secret]' },
    formatters: { level: (label) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  };
  return pino(options, destination ?? pino.destination({ dest: 1, sync: true })) as Log;
}
