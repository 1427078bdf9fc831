/**
 * Tells systemd that a daemon is ready, stopping, or still alive. Units of `Type=notify` wait for the first word, and
 * `WatchdogSec=` ends a daemon whose event loop has stood still for that long.
 *
 * Node has no datagrams over Unix sockets, so `systemd-notify` carries the words: one short process at the start, one at
 * the end and one for each half of the watchdog's time. Rejected: a native module for three messages. Without
 * NOTIFY_SOCKET, which only systemd sets, nothing happens. Unit files need `NotifyAccess=all` for it.
 */
import { execFile } from 'node:child_process';
import type { Log } from './log.ts';

/** What is told. None of it throws or waits. */
export interface Notifier {
  /** The daemon serves; the watchdog's signs of life begin. */
  ready(status: string): void;
  /** The daemon ends; no more signs of life. */
  stopping(): void;
}

/** What a notifier is made with. */
export interface NotifierOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Carries the words; `systemd-notify` when left out. */
  readonly carry?: (words: readonly string[], done: (error: Error | null) => void) => void;
}

const silent: Notifier = { ready() {}, stopping() {} };

/** A notifier for the service manager that started this process, or a silent one. */
export function createNotifier({ env, log, carry = runNotify }: NotifierOptions): Notifier {
  if (!env.NOTIFY_SOCKET) return silent;
  let beat: NodeJS.Timeout | undefined;
  const tell = (...words: string[]): void =>
    carry(words, (error) => {
      if (error) log.warn({ err: error, words }, 'systemd was not told');
    });
  return {
    ready(status) {
      tell('READY=1', `STATUS=${status}`);
      const watchdogMs = Number(env.WATCHDOG_USEC ?? 0) / 1000;
      if (watchdogMs > 0) beat = setInterval(() => tell('WATCHDOG=1'), watchdogMs / 2).unref();
    },
    stopping() {
      clearInterval(beat);
      tell('STOPPING=1');
    },
  };
}

function runNotify(words: readonly string[], done: (error: Error | null) => void): void {
  execFile('systemd-notify', [...words], done);
}
