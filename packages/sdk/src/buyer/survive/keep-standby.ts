/**
 * Keeps money where it may be needed next: while an answer runs, the channel to the provider that would go on
 * with it is opened and funded in the background, so that a failure waits for no block. Quiet when that fails:
 * the answer that runs does not need it, and the next answer tries again after a while.
 */
import { asAppError } from '@aitbc/protocol';
import { firstPromise } from '../pay/pay-job.ts';
import type { Purchase } from '../purchase.ts';
import type { BuyerParts } from '../types.ts';
import { type MovePoint, offersToMoveTo } from './next-offer.ts';

const pauseMs = 30_000; // after a funding failed, per provider
const fundingsMax = 4; // at a time
const pausesMax = 1_000;

/** Funds channels ahead. */
export interface Standby {
  /** Looks after the providers that would go on with this answer; returns at once. */
  prepare(purchase: Purchase, point: MovePoint): void;
}

/** A standby of `count` providers beside those in use. */
export function createStandby(parts: BuyerParts, count: number): Standby {
  const { channels, nowMs, log } = parts;
  const funding = new Set<string>();
  const pausedUntilMs = new Map<string, number>();

  const fund = async (purchase: Purchase, point: MovePoint, index: number): Promise<void> => {
    const candidate = offersToMoveTo(parts, purchase, point)[index];
    if (!candidate) return;
    const { provider } = candidate;
    const { need } = firstPromise(purchase, candidate, point.from);
    const isReady = (channels.room(candidate) ?? 0n) >= need;
    const isPaused = nowMs() < (pausedUntilMs.get(provider) ?? 0);
    if (isReady || isPaused || funding.has(provider) || funding.size >= fundingsMax) return;
    funding.add(provider);
    try {
      await channels.usable(candidate, need);
    } catch (error) {
      const { code, facts } = asAppError(error);
      if (pausedUntilMs.size >= pausesMax) pausedUntilMs.clear();
      pausedUntilMs.set(provider, nowMs() + pauseMs);
      log.debug({ ...facts, code, provider }, 'a standby channel could not be funded');
    } finally {
      funding.delete(provider);
    }
  };
  return {
    prepare(purchase, point) {
      for (let index = 0; index < count; index += 1) void fund(purchase, point, index);
    },
  };
}
