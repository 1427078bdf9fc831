/**
 * The processes of a devnet: started with remembered arguments, so that any of them can be killed and
 * started again on the same port and data folder. A daemon that ends without being told to is a failure
 * of the devnet.
 */
import { join } from 'node:path';
import { ports } from '@aitbc/protocol';
import { type DaemonName, type DaemonProcess, startDaemon } from './daemon-process.ts';

/** The running daemons. */
export interface Fleet {
  start(name: DaemonName, args: readonly string[]): Promise<DaemonProcess>;
  /** Kills with SIGKILL, as a crash or a power cut of one machine would. */
  kill(name: DaemonName): Promise<void>;
  /** Starts a daemon that was killed or has ended, on its old port. */
  restart(name: DaemonName): Promise<DaemonProcess>;
  get(name: DaemonName): DaemonProcess;
  /** Stops in reverse order of the first start. */
  stop(): Promise<void>;
  /** Resolves with a sentence when a daemon ends by itself. */
  readonly failure: Promise<string>;
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

/** An empty fleet. */
export function createFleet(options: FleetOptions): Fleet {
  const running = new Map<DaemonName, DaemonProcess>();
  const argsOf = new Map<DaemonName, readonly string[]>();
  const expected = new Set<DaemonProcess>();
  let fail: (sentence: string) => void = () => {};
  const failure = new Promise<string>((resolve) => {
    fail = resolve;
  });
  const launch = async (name: DaemonName, port: number): Promise<DaemonProcess> => {
    options.onStarting(name);
    const daemon = await startDaemon({
      name,
      args: [
        ...['--port', String(port), '--data-dir', join(options.home, name)],
        ...(argsOf.get(name) ?? []),
      ],
      logFile: join(options.logs, `${name}.log`),
      signal: options.signal,
    });
    running.set(name, daemon);
    void daemon.ended.then((how) => {
      if (!expected.has(daemon)) fail(`${name} ${how}; see ${join(options.logs, `${name}.log`)}`);
    });
    options.onUp(daemon);
    return daemon;
  };
  const get = (name: DaemonName): DaemonProcess => {
    const daemon = running.get(name);
    if (!daemon) throw new RangeError(`${name} was never started`);
    return daemon;
  };
  return {
    failure,
    get,
    start(name, args) {
      argsOf.set(name, args);
      return launch(name, options.freePorts ? 0 : ports[name]);
    },
    async kill(name) {
      expected.add(get(name));
      await get(name).kill();
    },
    restart: (name) => launch(name, Number(new URL(get(name).url).port)),
    async stop() {
      for (const daemon of [...running.values()].reverse()) {
        expected.add(daemon);
        await daemon.stop();
      }
    },
  };
}
