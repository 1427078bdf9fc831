/**
 * The door in front of argon2id. One password is tried at a time, because each try takes 64 MiB, and at
 * most `waitingMax` callers wait. After `freeTries` wrong passwords in a row an account rests: 1 s,
 * 2 s, 4 s … up to five minutes; a try during the rest is refused before any work is done.
 */
import type { Clock } from '@aitbc/primitives';
import { AppError, asAppError } from '@aitbc/protocol';

const waitingMax = 8;
const freeTries = 3;
const restMsMax = 300_000;

interface Failures {
  count: number;
  restUntilMs: number;
}

/** Runs work that needs a password. */
export interface PasswordGate {
  /** Throws what the work throws; RATE_LIMITED while the account rests or too many wait. */
  pass<T>(address: string, work: () => Promise<T>): Promise<T>;
}

/** A gate for all accounts of one wallet. Failures are forgotten at a restart. */
export function createPasswordGate(deps: { readonly clock: Clock }): PasswordGate {
  const { clock } = deps;
  const failures = new Map<string, Failures>();
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  const assertRested = (address: string): void => {
    const leftMs = (failures.get(address)?.restUntilMs ?? 0) - clock.nowMs();
    if (leftMs > 0) throw tooMany(leftMs);
  };

  const tryOnce = async <T>(address: string, work: () => Promise<T>): Promise<T> => {
    assertRested(address);
    try {
      const result = await work();
      failures.delete(address);
      return result;
    } catch (error) {
      if (asAppError(error).code === 'WALLET_PASSWORD_WRONG') {
        const count = (failures.get(address)?.count ?? 0) + 1;
        const restMs =
          count < freeTries ? 0 : Math.min(restMsMax, 1_000 * 2 ** (count - freeTries));
        failures.set(address, { count, restUntilMs: clock.nowMs() + restMs });
      }
      throw error;
    }
  };

  return {
    async pass(address, work) {
      assertRested(address);
      if (waiting >= waitingMax) throw tooMany(1_000);
      waiting += 1;
      const turn = last.then(() => tryOnce(address, work));
      // The next caller waits for this one, however it ends; the error reaches this caller below.
      last = turn.then(
        () => {},
        () => {},
      );
      try {
        return await turn;
      } finally {
        waiting -= 1;
      }
    },
  };
}

function tooMany(leftMs: number): AppError {
  return new AppError('RATE_LIMITED', { retryAfterSeconds: Math.ceil(leftMs / 1_000) });
}
