/** Tells who follows alerts that it is worth looking again. */
import { AppError, limits } from '@aitbc/protocol';

/** Who follows. */
export interface AlertWatch {
  /** Calls back after new alerts, until the answer is called. Throws RATE_LIMITED. */
  add(poke: () => void): () => void;
  poke(): void;
  /** True after `close`, which pokes all: the coordinator stops. */
  readonly isClosed: boolean;
  close(): void;
}

const retryAfterSeconds = 5;

/** A watch that nobody has joined. */
export function createAlertWatch(): AlertWatch {
  const followers = new Set<() => void>();
  let isClosed = false;
  const poke = (): void => {
    for (const call of followers) call();
  };
  return {
    add(call) {
      if (followers.size >= limits.alertFollowers) {
        throw new AppError('RATE_LIMITED', { retryAfterSeconds });
      }
      followers.add(call);
      return () => void followers.delete(call);
    },
    poke,
    get isClosed() {
      return isClosed;
    },
    close() {
      isClosed = true;
      poke();
    },
  };
}
