/**
 * Who may send: an account that holds some coins, a bounded number of times a minute.
 *
 * Keys cost nothing, so a bound for each key is none. One for keys that hold coins is: moving the same coins from key to
 * key costs a fee each time. Counts are kept in memory; a restart begins anew. The answer of the chain is kept for a
 * short time, so that letters cannot be used to flood the node.
 */
import type { Clock } from '@aitbc/primitives';
import { AppError, addressOf, type Hex } from '@aitbc/protocol';

/** Least that a sender holds, nait: 0.001 AIT. */
export const senderHoldsNait = 1_000_000n;

/** Says who may send. */
export interface SenderGate {
  /** Throws RATE_LIMITED, SENDER_NOT_ADMITTED, UNAVAILABLE. */
  admit(sender: Hex): Promise<void>;
}

/** What a gate works with. */
export interface SenderGateDeps {
  readonly clock: Clock;
  /** Coins of an account by its address, nait. */
  holding(address: string): Promise<bigint>;
}

const minuteMs = 60_000;
const richLifetimeMs = 60_000;
const poorLifetimeMs = 1_000; // an account that has just been paid is not kept waiting
const sendersKept = 10_000;

interface Sender {
  /** Tokens of the bucket, and when they were counted. */
  tokens: number;
  atMs: number;
  holding: Promise<bigint> | undefined;
  knownUntilMs: number;
}

/** A gate that has seen nobody. `perMinute` is what one sender may send. */
export function createSenderGate(
  perMinute: number,
  { clock, holding }: SenderGateDeps,
): SenderGate {
  const senders = new Map<Hex, Sender>();
  const senderOf = (account: Hex, nowMs: number): Sender => {
    const known = senders.get(account) ?? {
      ...{ tokens: perMinute, atMs: nowMs, holding: undefined, knownUntilMs: 0 },
    };
    senders.delete(account);
    senders.set(account, known);
    if (senders.size > sendersKept) senders.delete(senders.keys().next().value as Hex);
    return known;
  };
  const holdingOf = (sender: Sender, address: string, nowMs: number): Promise<bigint> => {
    if (sender.holding && nowMs < sender.knownUntilMs) return sender.holding;
    const asked = holding(address);
    sender.holding = asked;
    sender.knownUntilMs = nowMs + richLifetimeMs;
    asked.then(
      (nait) => {
        if (nait < senderHoldsNait) sender.knownUntilMs = nowMs + poorLifetimeMs;
      },
      () => {
        sender.holding = undefined;
      },
    );
    return asked;
  };
  return {
    async admit(account) {
      const nowMs = clock.nowMs();
      const sender = senderOf(account, nowMs);
      takeToken(sender, perMinute, nowMs);
      const address = addressOf(account);
      const available = await holdingOf(sender, address, nowMs);
      if (available >= senderHoldsNait) return;
      const facts = { account: address, available, needed: senderHoldsNait };
      throw new AppError('SENDER_NOT_ADMITTED', facts);
    },
  };
}

/** Throws RATE_LIMITED. */
function takeToken(sender: Sender, perMinute: number, nowMs: number): void {
  const gained = (Math.max(0, nowMs - sender.atMs) * perMinute) / minuteMs;
  sender.tokens = Math.min(perMinute, sender.tokens + gained);
  sender.atMs = nowMs;
  if (sender.tokens < 1) {
    const waitMs = ((1 - sender.tokens) * minuteMs) / perMinute;
    throw new AppError('RATE_LIMITED', { retryAfterSeconds: Math.ceil(waitMs / 1_000) });
  }
  sender.tokens -= 1;
}
