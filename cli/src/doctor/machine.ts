/** What the checks want to know of this machine. Tests hand in another one. */
import { readFileSync, statfsSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';

/** This machine, as far as it matters. */
export interface Machine {
  /** Such as `v20.19.0`. */
  readonly nodeVersion: string;
  readonly nowMs: () => number;
  /** Bytes that may still be written to the disk of a folder; undefined when nobody tells. */
  freeBytes(folder: string): number | undefined;
  /** Files and sockets that one process may have open; undefined when nobody tells or there is no limit. */
  openFilesMax(): number | undefined;
  /** True when something accepts connections there. */
  isListening(host: string, port: number): Promise<boolean>;
  /** True when a daemon could listen there. */
  isPortFree(host: string, port: number): Promise<boolean>;
}

const connectTimeoutMs = 3_000;

/** The machine that this process runs on. */
export function thisMachine(): Machine {
  return {
    nodeVersion: process.version,
    nowMs: () => Date.now(),
    freeBytes(folder) {
      try {
        const { bavail, bsize } = statfsSync(folder);
        return bavail * bsize;
      } catch {
        return undefined; // no such folder, or a system that does not tell
      }
    },
    openFilesMax() {
      try {
        return openFilesOf(readFileSync('/proc/self/limits', 'utf8'));
      } catch {
        return undefined; // not Linux
      }
    },
    isListening: (host, port) =>
      new Promise((resolve) => {
        const socket = createConnection({ host, port, timeout: connectTimeoutMs });
        const end = (isOpen: boolean) => {
          socket.destroy();
          resolve(isOpen);
        };
        socket.once('connect', () => end(true));
        socket.once('timeout', () => end(false));
        socket.once('error', () => end(false));
      }),
    isPortFree: (host, port) =>
      new Promise((resolve) => {
        const probe = createServer();
        probe.once('error', () => resolve(false));
        probe.listen(port, host, () => probe.close(() => resolve(true)));
      }),
  };
}

/** The soft limit of open files in the words of `/proc/<pid>/limits`. */
export function openFilesOf(text: string): number | undefined {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(text) ?? [];
  return soft === undefined ? undefined : Number(soft);
}
