/**
 * The life of a daemon: read settings → create → start → one `ready` line → wait → stop → exit.
 *
 * It stops on SIGTERM, SIGINT, or (with `--exit-with-parent`) when the process that started it goes
 * away: a killed devnet must leave no orphans. Stopping has ten seconds; a second signal, or the end of
 * that time, ends the process with code 1. An uncaught error is logged and ends it at once: a process in
 * an unknown state must not go on handling money.
 *
 * SIGHUP reads the settings again, where they are in a file: those marked `live` are taken over, others are named in a
 * warning and wait for a restart, and settings that are wrong change nothing. Without a file there is nothing to read; then
 * SIGHUP is a terminal that closes, and stops the daemon like SIGTERM.
 */
import { AppError, asAppError } from '@aitbc/protocol';
import { changedSettings } from './config/changed-settings.ts';
import {
  type ConfigTable,
  type commonSettings,
  printableConfig,
  type Settings,
  type ValuesOf,
} from './config/config.ts';
import { type ConfigSources, readConfig } from './config/load-config.ts';
import { createLog, type Log } from './log.ts';
import { createNotifier } from './notify.ts';

/** What `create` returns. `url` is read after `start`. */
export interface Daemon<V = never> {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Takes over live settings; when it throws, the old ones stay. */
  reload?(values: V): void;
  readonly url?: string | undefined;
}

/** What `create` may use besides its settings; the signal aborts when stopping begins. */
export interface DaemonContext {
  readonly log: Log;
  readonly signal: AbortSignal;
}

type AllValues<S extends Settings> = ValuesOf<S & typeof commonSettings>;
type DaemonOf<S extends Settings> = Daemon<AllValues<S>>;

/** Options of `runDaemon`. */
export interface DaemonOptions<S extends Settings> {
  readonly config: ConfigTable<S & typeof commonSettings>;
  create(
    config: ValuesOf<S & typeof commonSettings>,
    context: DaemonContext,
  ): Promise<DaemonOf<S>> | DaemonOf<S>;
}

/** The part of `process` that is used. */
export interface ProcessSeam {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly stdin: { on(event: string, listener: () => void): unknown; resume(): unknown };
  readonly connected?: boolean | undefined;
  on(event: string, listener: (...values: never[]) => void): unknown;
  exit(code: number): void;
}

const stopTimeoutMs = 10_000;

/** Runs a daemon until it is told to stop; the whole of a `main.ts`. */
export async function runDaemon<S extends Settings>(
  options: DaemonOptions<S>,
  host: ProcessSeam = process as ProcessSeam,
): Promise<void> {
  const { config: table } = options;
  const sources = { argv: host.argv.slice(2), env: host.env };
  let values: AllValues<S>;
  let hasFile: boolean;
  try {
    const result = readConfig(table, sources);
    if (result.kind === 'text') {
      host.stdout.write(result.text);
      return host.exit(0);
    }
    values = result.values;
    hasFile = result.file !== undefined;
  } catch (error) {
    return failEarly(table.name, error, host);
  }
  const common = values as ValuesOf<typeof commonSettings>;
  const log = createLog({ name: table.name, level: common.logLevel });
  log.debug({ config: printableConfig(table, values) }, 'settings');
  await live({
    name: table.name,
    host,
    log,
    exitWithParent: common.exitWithParent,
    create: (context) => options.create(values, context),
    ...(hasFile && { reload: rereader(table, { sources, values, log }) }),
  });
}

interface Reading<S extends Settings> {
  readonly sources: ConfigSources;
  /** Settings that hold. */
  readonly values: AllValues<S>;
  readonly log: Log;
}

/** Reads the settings again and gives the daemon those that may change. */
function rereader<S extends Settings>(
  table: ConfigTable<S & typeof commonSettings>,
  { sources, values, log }: Reading<S>,
): (daemon: DaemonOf<S>) => void {
  let present = values;
  return (daemon) => {
    try {
      const result = readConfig(table, sources);
      if (result.kind === 'text') return;
      const changed = changedSettings(table, present, result.values);
      daemon.reload?.(changed.values);
      present = changed.values;
      log.level = (present as ValuesOf<typeof commonSettings>).logLevel;
      log.info({ taken: changed.taken }, 'settings were read again');
      if (changed.waiting.length === 0) return;
      log.warn({ settings: changed.waiting }, 'these settings need a restart');
    } catch (error) {
      const { code, message } = asAppError(error);
      log.error({ code, reason: message }, 'settings were not read again, the old ones stay');
    }
  };
}

function failEarly(name: string, error: unknown, host: ProcessSeam): void {
  const known = asAppError(error);
  const text = known.code === 'INTERNAL' ? String((error as Error)?.stack ?? error) : known.message;
  host.stderr.write(`aitbc-${name}: ${text}\n`);
  host.exit(known.row.exitCode);
}

interface Life<S extends Settings> {
  readonly name: string;
  readonly host: ProcessSeam;
  readonly log: Log;
  readonly exitWithParent: boolean;
  create(context: DaemonContext): Promise<DaemonOf<S>> | DaemonOf<S>;
  /** Left out where no settings are in a file. */
  readonly reload?: (daemon: DaemonOf<S>) => void;
}

async function live<S extends Settings>(life: Life<S>): Promise<void> {
  const { name, host, log, exitWithParent, create, reload } = life;
  const ending = new AbortController();
  const notifier = createNotifier({ env: host.env, log });
  let daemon: DaemonOf<S> | undefined;
  let started: Promise<void> | undefined;
  const fail = (error: unknown, message: string): void => {
    log.fatal({ err: error }, message);
    host.exit(1);
  };
  const end = (reason: string): void => {
    if (ending.signal.aborted) {
      log.warn({ reason }, 'stopped the hard way');
      host.exit(1);
      return;
    }
    ending.abort(new AppError('CANCELLED'));
    log.info({ reason }, 'stopping');
    notifier.stopping();
    setTimeout(() => {
      log.error({ timeoutMs: stopTimeoutMs }, 'stopping took too long');
      host.exit(1);
    }, stopTimeoutMs).unref();
    // A start that was cut short reports its own error below; stopping goes on in any case.
    void Promise.resolve(started)
      .catch(() => {})
      .then(() => daemon?.stop())
      .then(
        () => host.exit(0),
        (error: unknown) => fail(error, 'stopping failed'),
      );
  };
  host.on('SIGTERM', () => end('SIGTERM'));
  host.on('SIGINT', () => end('SIGINT'));
  host.on('SIGHUP', () => {
    if (!reload) end('SIGHUP');
    else if (daemon && !ending.signal.aborted) reload(daemon);
  });
  host.on('uncaughtException', (error: unknown) => fail(error, 'uncaught error'));
  host.on('unhandledRejection', (error: unknown) => fail(error, 'unhandled rejection'));
  if (exitWithParent) watchParent(host, () => end('parent is gone'));
  try {
    daemon = await create({ log, signal: ending.signal });
    started = daemon.start();
    await started;
    log.info({ url: daemon.url ?? null }, 'ready');
    notifier.ready(daemon.url ? `serving ${daemon.url}` : 'running');
  } catch (error) {
    if (ending.signal.aborted) return;
    log.fatal({ err: error, code: asAppError(error).code }, 'start failed');
    failEarly(name, error, host);
  }
}

/** Calls back once when the IPC channel or standard input of the starting process closes. */
function watchParent(host: ProcessSeam, gone: () => void): void {
  let told = false;
  const tell = (): void => {
    if (told) return;
    told = true;
    gone();
  };
  if (host.connected) {
    host.on('disconnect', tell);
    return;
  }
  host.stdin.on('end', tell);
  host.stdin.on('close', tell);
  host.stdin.on('error', tell);
  host.stdin.resume();
}
