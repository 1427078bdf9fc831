import { hex, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf } from '../fields.ts';
import { networkFromHash } from '../network.ts';
import { channelIdOf } from './channel.ts';
import { signDocument, verifyDocument } from './document.ts';
import { bodyDigestOf, isIdempotencyKey, jobIdOf } from './job-id.ts';
import { type OfferPayload, offerIdOf, priceOf, verifyOffer, zSignedOffer } from './offer.ts';
import { chargeFor, fullCharge, outcomes, promptTokensBound } from './price.ts';
import {
  firstPrefixHash,
  nextPrefixHash,
  type ReceiptPayload,
  textHashOf,
  verifyReceipt,
  verifyTiling,
} from './receipt.ts';
import { signVoucher, startContext, topUpContext, verifyVoucher } from './voucher.ts';
import {
  decodePayment,
  decodePaymentHeader,
  encodePayment,
  encodePaymentHeader,
  requirementsOf,
} from './x402.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const other = networkFromHash('other', 'cd'.repeat(32));
const provider = keyPairFromSeed(new Uint8Array(32).fill(2));
const payer = keyPairFromSeed(new Uint8Array(32).fill(3));
const authorizer = hex(provider.publicKey);
const signer = { publicKey: authorizer, secretKey: provider.secretKey };
const hash = (fill: string) => fill.repeat(32);

const offerPayload: OfferPayload = {
  v: 1,
  network: network.caip2,
  provider: addressOf(authorizer),
  authorizer,
  endpoint: 'http://127.0.0.1:8008',
  model: 'tiny',
  digest: `sha256:${hash('ee')}`,
  quantization: 'F16',
  contextMax: 2048,
  outputMax: 512,
  price: { inputPerMTok: '50000000', outputPerMTok: '150000000', perRequest: '1000' },
  windowTokens: 16,
  serves: ['chat'],
  canResume: true,
  firstTokenMs: 5000,
  withdrawDelayMsMin: 1000,
  validFromMs: 1000,
  validUntilMs: 2000,
};

describe('vouchers', () => {
  const context = startContext(network, {
    offerId: hash('01'),
    jobId: hash('02'),
    bodyDigest: hash('03'),
    tokens: 16,
  });
  const voucher = signVoucher(
    network,
    { channelId: hash('04'), maxClaimable: 77n, context },
    payer.secretKey,
  );

  it('hold for exactly one channel, amount, context, key and network', () => {
    const key = hex(payer.publicKey);
    expect(verifyVoucher(network, voucher, key)).toBe(true);
    expect(verifyVoucher(network, { ...voucher, maxClaimable: 78n }, key)).toBe(false);
    expect(verifyVoucher(network, { ...voucher, channelId: hash('05') }, key)).toBe(false);
    expect(verifyVoucher(network, { ...voucher, context: hash('05') }, key)).toBe(false);
    expect(verifyVoucher(network, voucher, authorizer)).toBe(false);
    expect(verifyVoucher(other, voucher, key)).toBe(false);
    expect(verifyVoucher(network, { ...voucher, signature: 'zz' }, key)).toBe(false);
  });

  it('bind offer, job, body and tokens, and a top-up is never a start', () => {
    const terms = { offerId: hash('01'), jobId: hash('02'), bodyDigest: hash('03'), tokens: 16 };
    const contexts = [
      context,
      startContext(network, { ...terms, offerId: hash('09') }),
      startContext(network, { ...terms, jobId: hash('09') }),
      startContext(network, { ...terms, bodyDigest: hash('09') }),
      startContext(network, { ...terms, tokens: 17 }),
      topUpContext(network, hash('02'), 16),
      topUpContext(network, hash('02'), 17),
    ];
    expect(new Set(contexts).size).toBe(contexts.length);
  });
});

describe('ids', () => {
  it('of a channel change with every part of its configuration', () => {
    const config = {
      payer: hash('01'),
      payerAuthorizer: hash('02'),
      receiver: hash('03'),
      receiverAuthorizer: hash('04'),
      withdrawDelayMs: 5,
      salt: hash('06'),
    };
    const ids = Object.keys(config).map((name) =>
      channelIdOf(network, { ...config, [name]: name === 'withdrawDelayMs' ? 6 : hash('99') }),
    );
    expect(new Set([channelIdOf(network, config), ...ids]).size).toBe(7);
  });

  it('of a job are the same for the same payer, key and body, and for nothing else', () => {
    const identity = {
      payer: hash('01'),
      idempotencyKey: 'a',
      bodyDigest: bodyDigestOf(utf8('{}')),
    };
    expect(jobIdOf(network, { ...identity })).toBe(jobIdOf(network, identity));
    expect(jobIdOf(network, { ...identity, idempotencyKey: 'b' })).not.toBe(
      jobIdOf(network, identity),
    );
    expect(jobIdOf(other, identity)).not.toBe(jobIdOf(network, identity));
    expect([
      isIdempotencyKey(''),
      isIdempotencyKey('x'.repeat(129)),
      isIdempotencyKey(3),
      isIdempotencyKey('ok'),
    ]).toEqual([false, false, false, true]);
  });
});

describe('prices', () => {
  const price = priceOf(offerPayload);

  it('charge by the fault rule: outcome against what is due', () => {
    const usage = { promptTokens: 100, outputTokens: 10 };
    const due = Object.fromEntries(
      outcomes.map((outcome) => [outcome, chargeFor(price, usage, outcome)]),
    );
    expect(due).toEqual({
      running: 1500n,
      complete: 7500n,
      client_abort: 7500n,
      limit: 7500n,
      provider_error: 1500n,
    });
    expect(chargeFor(price, { promptTokens: 100, outputTokens: 0 }, 'provider_error')).toBe(0n);
  });

  it('never fall with more tokens and never pass the full charge', () => {
    const tokens = fc.nat({ max: 1_000_000 });
    const job = fc.record({
      prompt: tokens,
      output: tokens,
      more: tokens,
      outcome: fc.constantFrom(...outcomes),
    });
    fc.assert(
      fc.property(job, ({ prompt, output, more, outcome }) => {
        const usage = { promptTokens: prompt, outputTokens: output };
        const charge = chargeFor(price, usage, outcome);
        const later = chargeFor(price, { ...usage, outputTokens: output + more }, outcome);
        expect(later).toBeGreaterThanOrEqual(charge);
        expect(charge).toBeLessThanOrEqual(fullCharge(price, usage));
      }),
    );
  });

  it('bound the prompt by its bytes', () => {
    expect(promptTokensBound([{ role: 'user', content: 'héllo' }])).toBe(32 + 16 + 6);
  });
});

describe('offers', () => {
  const offer = signDocument({ tag: 'offer', network }, offerPayload, signer);
  const check = { nowMs: 1500, registeredAuthorizer: authorizer };
  const reasonOf = (verdict: ReturnType<typeof verifyOffer>) =>
    verdict.ok ? 'ok' : String(verdict.facts.reason);

  it('hold for the registered key, their network and their time only', () => {
    expect(zSignedOffer.safeParse(offer).success).toBe(true);
    expect(verifyOffer(network, offer, check)).toEqual({
      ok: true,
      value: offerIdOf(network, offerPayload),
    });
    expect(reasonOf(verifyOffer(other, offer, check))).toMatch(/network/);
    expect(
      reasonOf(verifyOffer(network, offer, { ...check, registeredAuthorizer: hash('01') })),
    ).toMatch(/registered/);
    expect(reasonOf(verifyOffer(network, offer, { ...check, nowMs: 200_000 }))).toMatch(/run out/);
    expect(
      reasonOf(
        verifyOffer(
          network,
          { ...offer, payload: { ...offerPayload, validFromMs: 10 ** 9 } },
          check,
        ),
      ),
    ).toMatch(/not valid yet/);
    const cheaper = { ...offer, payload: { ...offerPayload, outputMax: 513 } };
    expect(reasonOf(verifyOffer(network, cheaper, check))).toMatch(/signature/);
  });

  it('cannot carry what has no canonical form', () => {
    const broken = { payload: { x: 1.5 }, signer: authorizer, signature: offer.signature };
    expect(verifyDocument('offer', network, broken)).toBe(false);
    expect(verifyDocument('receipt', network, offer)).toBe(false);
  });
});

describe('receipts', () => {
  const bodyDigest = bodyDigestOf(utf8('{}'));
  const receiptOf = (patch: Partial<ReceiptPayload>) =>
    signDocument<ReceiptPayload>(
      { tag: 'receipt', network },
      {
        v: 1,
        network: network.caip2,
        jobId: hash('01'),
        offerId: hash('02'),
        channelId: hash('03'),
        provider: addressOf(authorizer),
        model: 'tiny',
        digest: 'sha256:00',
        from: 0,
        to: 16,
        prefixHash: firstPrefixHash(network, bodyDigest),
        textHash: textHashOf('one '),
        promptTokens: 9,
        outcome: 'running',
        charged: '1',
        chargedCumulative: '1',
        atMs: 1,
        ...patch,
      },
      signer,
    );
  const first = receiptOf({});
  const second = receiptOf({
    from: 16,
    to: 20,
    prefixHash: nextPrefixHash(network, first.payload),
    textHash: textHashOf('two'),
  });

  it('hold for the registered key and their network only', () => {
    expect(verifyReceipt(network, first, authorizer).ok).toBe(true);
    expect(verifyReceipt(network, first, hash('01')).ok).toBe(false);
    expect(verifyReceipt(other, first, authorizer).ok).toBe(false);
    expect(verifyReceipt(network, receiptOf({ from: 17 }), authorizer).ok).toBe(false);
    expect(
      verifyReceipt(network, { ...first, payload: { ...first.payload, charged: '2' } }, authorizer)
        .ok,
    ).toBe(false);
  });

  it('tile: same job, no gap, no overlap, the text follows', () => {
    expect(verifyTiling(network, first.payload, second.payload).ok).toBe(true);
    expect(verifyTiling(network, first.payload, { ...second.payload, from: 15 }).ok).toBe(false);
    expect(verifyTiling(network, first.payload, { ...second.payload, jobId: hash('09') }).ok).toBe(
      false,
    );
    expect(
      verifyTiling(network, { ...first.payload, textHash: textHashOf('other') }, second.payload).ok,
    ).toBe(false);
  });
});

describe('the x402 coat', () => {
  const accepted = requirementsOf(hash('01'), offerPayload, 7500n);
  const payment = {
    type: 'voucher' as const,
    offerId: hash('01'),
    channelId: hash('02'),
    idempotencyKey: 'key',
    tokens: 16,
    maxClaimable: '7500',
    signature: '00'.repeat(64),
  };
  const codeOf = (header: string) => {
    const verdict = decodePayment(header, network.caip2);
    return verdict.ok ? 'ok' : verdict.code;
  };

  it('carries a voucher there and back', () => {
    expect(decodePayment(encodePayment(accepted, payment), network.caip2)).toEqual({
      ok: true,
      value: payment,
    });
  });

  it('refuses what is not a payment of this network', () => {
    expect(codeOf(encodePayment({ ...accepted, network: other.caip2 }, payment))).toBe(
      'PAYMENT_NETWORK_WRONG',
    );
    expect(codeOf(encodePayment(accepted, { ...payment, maxClaimable: '1e3' }))).toBe(
      'PAYMENT_MALFORMED',
    );
    expect(codeOf(encodePaymentHeader({ x402Version: 1 }))).toBe('PAYMENT_MALFORMED');
    expect(codeOf('!!')).toBe('PAYMENT_MALFORMED');
    expect(codeOf('AAAA')).toBe('PAYMENT_MALFORMED');
    expect(decodePaymentHeader('A'.repeat(9000)).ok).toBe(false);
  });
});
