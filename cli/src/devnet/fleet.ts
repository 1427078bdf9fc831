/**
 * The processes of a devnet: started with remembered arguments, so that any of them can be killed and
 * started again on the same port and data folder. A daemon that ends without being told to is a failure
 * of the devnet.
 */
import { join } from 'node:path';
import { AppError } from '@aitbc/protocol';
import { type DaemonName, portOf } from './daemon-name.ts';
import { type DaemonProcess, startDaemon } from './daemon-process.ts';

/** The running daemons. */
export interface Fleet {
  /** `port` in place of the standard one, or of a free one. */
  start(name: DaemonName, args: readonly string[], port?: number): Promise<DaemonProcess>;
  /** Kills with SIGKILL, as a crash or a power cut of one machine would. */
  kill(name: DaemonName): Promise<void>;
  /** Starts a daemon that was killed or has ended, on its old port. */
  restart(name: DaemonName): Promise<DaemonProcess>;
  get(name: DaemonName): DaemonProcess;
  /** Stops in reverse order of the first start, also what is only starting. */
  stop(): Promise<void>;
  /** Resolves with DAEMON_ENDED when a daemon ends by itself. */
  readonly failure: Promise<AppError>;
}

/** Options of a fleet. */
export interface FleetOptions {
  readonly home: string;
  readonly logs: string;
  readonly freePorts: boolean;
  readonly signal: AbortSignal;
  onStarting(name: DaemonName): void;
  onUp(daemon: DaemonProcess): void;
}

/** An empty fleet. `startOne` starts one process. */
export function createFleet(options: FleetOptions, startOne = startDaemon): Fleet {
  const running = new Map<DaemonName, DaemonProcess>();
  const argsOf = new Map<DaemonName, readonly string[]>();
  const expected = new Set<DaemonProcess>();
  const starting = new Set<Promise<DaemonProcess>>();
  const ending = new AbortController();
  const signal = AbortSignal.any([options.signal, ending.signal]);
  let fail: (error: AppError) => void = () => {};
  const failure = new Promise<AppError>((resolve) => {
    fail = resolve;
  });
  const launchOne = async (name: DaemonName, port: number): Promise<DaemonProcess> => {
    options.onStarting(name);
    const logFile = join(options.logs, `${name}.log`);
    const daemon = await startOne({
      name,
      args: [
        ...['--port', String(port), '--data-dir', join(options.home, name)],
        ...(argsOf.get(name) ?? []),
      ],
      logFile,
      signal,
    });
    running.set(name, daemon);
    void daemon.ended.then((how) => {
      if (expected.has(daemon)) return;
      fail(new AppError('DAEMON_ENDED', { daemon: name, reason: how, logFile }));
    });
    options.onUp(daemon);
    return daemon;
  };
  const launch = (name: DaemonName, port: number): Promise<DaemonProcess> => {
    const launching = launchOne(name, port).finally(() => starting.delete(launching));
    starting.add(launching);
    return launching;
  };
  const get = (name: DaemonName): DaemonProcess => {
    const daemon = running.get(name);
    if (!daemon) throw new RangeError(`${name} was never started`);
    return daemon;
  };
  return {
    failure,
    get,
    start(name, args, port = options.freePorts ? 0 : portOf(name)) {
      argsOf.set(name, args);
      return launch(name, port);
    },
    async kill(name) {
      expected.add(get(name));
      await get(name).kill();
    },
    restart: (name) => launch(name, Number(new URL(get(name).url).port)),
    async stop() {
      ending.abort();
      await Promise.allSettled(starting);
      for (const daemon of [...running.values()].reverse()) {
        expected.add(daemon);
        await daemon.stop();
      }
    },
  };
}
