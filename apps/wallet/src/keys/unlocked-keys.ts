/** Secret keys of unlocked accounts, in memory until their time is up; wiped when they go. */
import { type Clock, keyPairFromSeed, wipe } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import { keepSecret } from './secret-bytes.ts';

/** Calls back after a time; returns how to cancel that. */
export type Timer = (delayMs: number, run: () => void) => () => void;

/** Keys that may sign now. */
export interface UnlockedKeys {
  /** Takes the key of a seed until the time-out, in place of an earlier one. */
  unlock(address: string, seed: Uint8Array, timeoutMs: number): void;
  /** The 64-byte secret key: to be used at once, never kept. Throws WALLET_LOCKED. */
  secretKeyOf(address: string): Uint8Array;
  /** When the account locks itself, or null while it is locked. */
  unlockedUntilMs(address: string): number | null;
  lock(address: string): void;
  lockAll(): void;
}

interface Unlocked {
  readonly secretKey: Uint8Array;
  readonly untilMs: number;
  cancel: () => void;
}

const longestTimerMs = 2 ** 31 - 1; // what setTimeout can wait: 24.8 days

/** Timer of the platform that does not keep the process alive. */
export const systemTimer: Timer = (delayMs, run) => {
  const handle = setTimeout(run, delayMs);
  handle.unref();
  return () => clearTimeout(handle);
};

/** An empty key ring. */
export function createUnlockedKeys(deps: {
  readonly clock: Clock;
  readonly timer: Timer;
}): UnlockedKeys {
  const { clock, timer } = deps;
  const keys = new Map<string, Unlocked>();

  const lock = (address: string): void => {
    const unlocked = keys.get(address);
    if (!unlocked) return;
    unlocked.cancel();
    wipe(unlocked.secretKey);
    keys.delete(address);
  };
  const alive = (address: string): Unlocked | undefined => {
    const unlocked = keys.get(address);
    if (unlocked && unlocked.untilMs <= clock.nowMs()) lock(address);
    return keys.get(address);
  };
  const watch = (address: string, unlocked: Unlocked): void => {
    const leftMs = Math.max(0, unlocked.untilMs - clock.nowMs());
    unlocked.cancel = timer(Math.min(leftMs, longestTimerMs), () => {
      if (alive(address) === unlocked) watch(address, unlocked);
    });
  };

  return {
    unlock(address, seed, timeoutMs) {
      lock(address);
      const secretKey = keepSecret(keyPairFromSeed(seed).secretKey);
      const unlocked = { secretKey, untilMs: clock.nowMs() + timeoutMs, cancel: () => {} };
      keys.set(address, unlocked);
      watch(address, unlocked);
    },
    secretKeyOf(address) {
      const unlocked = alive(address);
      if (!unlocked) throw new AppError('WALLET_LOCKED', { account: address });
      return unlocked.secretKey;
    },
    unlockedUntilMs: (address) => alive(address)?.untilMs ?? null,
    lock,
    lockAll() {
      for (const address of [...keys.keys()]) lock(address);
    },
  };
}
