import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { limits, networkFromHash, type SignedOffer, verifyOffer } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import type { EngineModel } from '../engines/engine.ts';
import { createOfferBook, type OfferTemplate } from './offer-book.ts';

const network = networkFromHash('test', 'aa'.repeat(32));
const key = keyPairFromSeed(new Uint8Array(32).fill(1));
const signer = { publicKey: hex(key.publicKey), secretKey: key.secretKey };
const model = { name: 'm', contextMax: 100, resume: 'best effort' as const };
const template: OfferTemplate = {
  provider: 'ait1llllllllllllllllllllllllllllllllllllllllllllllllllllqhfsv74',
  endpoint: 'http://p',
  price: { inputPerMTok: '1', outputPerMTok: '2', perRequest: '3' },
  windowTokens: 16,
  outputMax: 2_048,
  firstTokenMs: 1,
  withdrawDelayMsMin: 1_000,
  verifiable: 'auto',
};

function setUp(
  price = template.price,
  saved: SignedOffer[] = [],
  verifiable: OfferTemplate['verifiable'] = 'auto',
) {
  const clock = { nowMs: 1_000_000 };
  const store = {
    offers: (nowMs: number) => saved.filter(({ payload }) => payload.validUntilMs >= nowMs),
    saveOffer: (_id: string, offer: SignedOffer) => void saved.push(offer),
  };
  const deps = { network, signer, store, nowMs: () => clock.nowMs };
  return { book: createOfferBook(() => ({ ...template, price, verifiable }), deps), clock, saved };
}

describe('the offer book', () => {
  it('signs an offer that buyers accept, bounded by the context of the model', () => {
    const { book, clock } = setUp();
    expect(book.refresh([model])).toBe(true);
    const offer = book.current('m');
    const check = { nowMs: clock.nowMs, registeredAuthorizer: signer.publicKey };
    expect(offer && verifyOffer(network, offer.signed, check)).toEqual({
      ok: true,
      value: offer?.offerId,
    });
    expect(offer?.payload.outputMax).toBe(100);
  });

  it('renews at half of the life and honours the older one until it runs out', () => {
    const { book, clock } = setUp();
    book.refresh([model]);
    const first = book.current('m')?.offerId ?? '';
    expect(book.refresh([model])).toBe(false);
    clock.nowMs += limits.offerLifetimeMs / 2 + 1;
    expect(book.refresh([model])).toBe(true);
    expect(book.current('m')?.offerId).not.toBe(first);
    expect(book.find(first)).toBeDefined();
    clock.nowMs += limits.offerLifetimeMs / 2;
    expect(book.find(first)).toBeUndefined();
  });

  it('honours offers of an earlier life, and only its own', () => {
    const { book, saved } = setUp();
    book.refresh([model]);
    const old = book.current('m')?.offerId ?? '';
    const strange = { ...(saved[0] as SignedOffer), signer: 'ee'.repeat(32) };
    const later = setUp({ ...template.price, outputPerMTok: '9' }, [...saved, strange]);
    later.book.refresh([model]);
    expect(later.book.current('m')?.offerId).not.toBe(old);
    expect(later.book.find(old)?.terms.price.outputPerMTok).toBe(2n);
  });

  it('promises verifiable answers where the engine is known to give them, or the owner says so', () => {
    const known = { ...model, digest: 'sha256:aa', verifiable: true };
    const unknown = { ...model, digest: 'sha256:aa' };
    const promises = (one: EngineModel, wanted: OfferTemplate['verifiable']) => {
      const { book } = setUp(template.price, [], wanted);
      book.refresh([one]);
      return book.current('m')?.payload.verifiable;
    };
    expect(promises(known, 'auto')).toBe(true);
    expect(promises(known, 'off')).toBeUndefined();
    expect(promises(unknown, 'auto')).toBeUndefined();
    expect(promises(unknown, 'on')).toBe(true);
    expect(promises(model, 'on')).toBeUndefined(); // nobody could tell which weights
    expect(promises({ ...known, serves: ['embed'] }, 'on')).toBeUndefined();
  });

  it('makes a new offer after a restart that changes its promise', () => {
    const known = { ...model, digest: 'sha256:aa', verifiable: true };
    const { book, saved } = setUp();
    book.refresh([known]);
    const later = setUp(template.price, saved, 'off');
    later.book.refresh([known]);
    expect(later.book.current('m')?.payload.verifiable).toBeUndefined();
    expect(later.book.find(book.current('m')?.offerId ?? '')?.payload.verifiable).toBe(true);
  });

  it('withdraws what the engine no longer has', () => {
    const { book } = setUp();
    book.refresh([model]);
    book.refresh([]);
    expect(book.list()).toEqual([]);
  });
});
