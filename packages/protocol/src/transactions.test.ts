import { hex, keyPairFromSeed } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zTxJson } from './endpoints/node-rpc.ts';
import { addressOf } from './fields.ts';
import { limits } from './limits.ts';
import { networkFromHash } from './network.ts';
import { amount, bodies, count } from './testing/any-body.ts';
import {
  contentIdOf,
  decodeTx,
  encodeUnsignedTx,
  feePayerOf,
  laneOf,
  type SignedTx,
  senderSignatureOf,
  signTx,
  sponsorTx,
  txBodyFromJson,
  txToJson,
  type UnsignedTx,
} from './transactions.ts';
import { type Operation, type TxKind, txKinds } from './tx-kinds.ts';
import { createTxVerifier, signaturesIn, verifyTx } from './tx-signatures.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const owner = keyPairFromSeed(new Uint8Array(32).fill(1));
const ownerId = hex(owner.publicKey);
const sponsor = keyPairFromSeed(new Uint8Array(32).fill(2));
const sponsorId = hex(sponsor.publicKey);

const anyTx = fc.constantFrom(...(Object.keys(txKinds) as TxKind[])).chain((kind) =>
  fc
    .record({
      kind: fc.constant(kind),
      chain: fc.constant(network.chain),
      lane: fc.oneof(fc.constant(0), fc.nat({ max: 65_535 })),
      nonce: count,
      validUntil: count,
      from: fc.constant(ownerId),
      fee: amount,
      sponsored: fc.boolean(),
      body: bodies[kind],
    })
    .map(({ lane, sponsored, ...tx }) => ({
      ...tx,
      ...(lane === 0 ? {} : { lane }),
      ...(sponsored ? { sponsored } : {}),
    })),
) as fc.Arbitrary<UnsignedTx>;

/** Signed by the owner, and by the sponsor where one pays. */
function signedBoth(tx: UnsignedTx): SignedTx {
  if (!tx.sponsored) return signTx(network, tx, owner.secretKey);
  const signature = senderSignatureOf(network, tx, owner.secretKey);
  return sponsorTx(network, { tx, signature }, sponsor.secretKey);
}

describe('transactions', () => {
  it('of every kind come back from their bytes and from their JSON', () => {
    fc.assert(
      fc.property(anyTx, (tx) => {
        const signed = signedBoth(tx);
        const decoded = decodeTx(network, signed.bytes);
        if (!decoded.ok) throw new Error(decoded.code);
        expect({ ...decoded.value, bytes: hex(decoded.value.bytes) }).toEqual({
          ...signed,
          bytes: hex(signed.bytes),
        });
        expect(verifyTx(network, decoded.value)).toBe(true);
        const tailBytes = tx.sponsored ? 160 : 64;
        expect(hex(encodeUnsignedTx(decoded.value))).toBe(
          hex(signed.bytes.subarray(0, -tailBytes)),
        );
        const json = JSON.parse(JSON.stringify(txToJson(signed)));
        expect(txBodyFromJson(tx.kind, json.body)).toEqual({ ok: true, value: tx.body });
        expect(zTxJson.parse(json)).toEqual(json);
        expect([json.lane ?? 0, json.payer]).toEqual([
          laneOf(tx),
          tx.sponsored ? addressOf(sponsorId) : undefined,
        ]);
      }),
      { numRuns: 300 },
    );
  });

  it('get the same answer from a verifier that has checked others before', () => {
    const isSigned = createTxVerifier(network);
    fc.assert(
      fc.property(anyTx, fc.nat(), (tx, position) => {
        const { bytes } = signedBoth(tx);
        const changed = Uint8Array.from(bytes);
        const at = position % bytes.length;
        changed[at] = (changed[at] ?? 0) ^ 1;
        for (const one of [bytes, changed, bytes.subarray(0, at), bytes]) {
          expect(isSigned({ bytes: one })).toBe(verifyTx(network, { bytes: one }));
        }
        expect(isSigned({ bytes })).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('with any changed, missing or added byte are refused or are not signed', () => {
    fc.assert(
      fc.property(anyTx, fc.nat(), fc.integer({ min: 1, max: 255 }), (tx, position, flip) => {
        const { bytes } = signedBoth(tx);
        const changed = Uint8Array.from(bytes);
        const at = position % bytes.length;
        changed[at] = (changed[at] ?? 0) ^ flip;
        for (const forged of [changed, bytes.subarray(0, at), Uint8Array.from([...bytes, 0])]) {
          const decoded = decodeTx(network, forged);
          expect(decoded.ok && verifyTx(network, decoded.value), `byte ${at}`).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never make the decoder throw when they are nearly right', () => {
    fc.assert(
      fc.property(
        anyTx,
        fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { maxLength: 6 }),
        fc.nat({ max: 30 }),
        (tx, changes, cut) => {
          const { bytes } = signedBoth(tx);
          const changed = Uint8Array.from(bytes.subarray(0, bytes.length - cut));
          for (const [at, value] of changes) changed[at % changed.length] = value;
          const decoded = decodeTx(network, changed);
          if (!decoded.ok) return;
          // What is accepted has one encoding only.
          const { signedBytes } = signaturesIn(changed);
          expect(encodeUnsignedTx(decoded.value)).toStrictEqual(changed.slice(0, signedBytes));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('never make the decoder throw, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(decodeTx(network, bytes).ok).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('are refused with the reason that fits', () => {
    const tx: UnsignedTx = {
      kind: 'transfer',
      chain: network.chain,
      nonce: 0,
      validUntil: 0,
      from: ownerId,
      fee: 1n,
      body: { to: ownerId, amount: 1n, memo: '' },
    };
    const codeOf = (bytes: Uint8Array) => {
      const verdict = decodeTx(network, bytes);
      return verdict.ok ? 'ok' : verdict.code;
    };
    const { bytes } = signTx(network, tx, owner.secretKey);
    const withByte = (at: number, value: number) => {
      const copy = Uint8Array.from(bytes);
      copy[at] = value;
      return copy;
    };
    expect(codeOf(bytes)).toBe('ok');
    expect(codeOf(withByte(0, 9))).toBe('TX_VERSION_UNKNOWN');
    expect(codeOf(withByte(1, 99))).toBe('TX_KIND_UNKNOWN');
    expect(codeOf(withByte(2, 1))).toBe('TX_FLAGS_UNSUPPORTED');
    expect(codeOf(withByte(3, 2))).toBe('TX_FLAGS_UNSUPPORTED');
    expect(codeOf(withByte(3, 1))).toBe('TX_MALFORMED');
    expect(codeOf(new Uint8Array(limits.txSizeBytes + 1))).toBe('TX_TOO_LARGE');
    expect(codeOf(bytes.subarray(0, 50))).toBe('TX_MALFORMED');
    expect(codeOf(withByte(10, 0xff))).toBe('TX_MALFORMED');
    const other = networkFromHash('other', 'cd'.repeat(32));
    expect(codeOf(signTx(other, { ...tx, chain: other.chain }, owner.secretKey).bytes)).toBe(
      'TX_WRONG_CHAIN',
    );
  });

  it('are sponsored by whom they say, and by nobody unless they say so', () => {
    const tx: UnsignedTx = {
      kind: 'provider_unbond',
      chain: network.chain,
      nonce: 0,
      validUntil: 0,
      from: ownerId,
      fee: 1n,
      body: {},
    };
    const sponsored: UnsignedTx = { ...tx, sponsored: true };
    const signature = senderSignatureOf(network, sponsored, owner.secretKey);
    const signed = sponsorTx(network, { tx: sponsored, signature }, sponsor.secretKey);
    expect(feePayerOf(signed)).toBe(sponsorId);
    expect(feePayerOf(sponsored)).toBeUndefined();
    expect(feePayerOf(tx)).toBe(ownerId);
    // The payer's bytes replaced by another's, and its signature by that of the sender.
    const forged = Uint8Array.from(signed.bytes);
    forged.set(owner.publicKey, forged.length - 96);
    const bySender = Uint8Array.from(signed.bytes);
    bySender.set(signature, bySender.length - 64);
    for (const bytes of [forged, bySender]) {
      const decoded = decodeTx(network, bytes);
      expect(decoded.ok && verifyTx(network, decoded.value)).toBe(false);
    }
    expect(() => signTx(network, sponsored, owner.secretKey)).toThrow(RangeError);
    expect(() => sponsorTx(network, { tx, signature }, sponsor.secretKey)).toThrow(RangeError);
    const other = sponsorTx(network, { tx: sponsored, signature }, owner.secretKey);
    expect(other.txId).not.toBe(signed.txId);
    expect(contentIdOf(other)).toBe(contentIdOf(signed));
  });

  it('have operations of the kinds that may stand in a batch only', () => {
    const claim = { kind: 'channel_claim', body: {} };
    const inside = (operations: unknown) => txBodyFromJson('batch', { operations });
    for (const bad of [[claim], [{ kind: 'batch', body: { operations: [] } }], [{}], [null], 7]) {
      expect(inside(bad), JSON.stringify(bad)).toMatchObject({ code: 'BAD_REQUEST' });
    }
    const pay = { kind: 'vault_withdraw', body: { amount: '1' } };
    expect(inside([pay])).toMatchObject({ ok: true });
    expect(inside([{ ...pay, more: 1 }])).toMatchObject({ code: 'BAD_REQUEST' });
    const tooMany = Array.from({ length: limits.batchOperations + 1 }, () => pay);
    expect(inside(tooMany)).toMatchObject({ code: 'BAD_REQUEST' });
    const most: Operation[] = Array.from({ length: limits.batchOperations }, () => {
      return { kind: 'transfer', body: { to: ownerId, amount: 1n, memo: '' } };
    });
    const batch = { kind: 'batch', chain: network.chain, nonce: 0, validUntil: 0 } as const;
    const tx: UnsignedTx = { ...batch, from: ownerId, fee: 1n, body: { operations: most } };
    const { bytes } = signTx(network, tx, owner.secretKey);
    expect(decodeTx(network, bytes).ok).toBe(true);
    bytes[68] = 5; // a claim, where the first operation says its kind
    expect(decodeTx(network, bytes)).toMatchObject({ code: 'TX_MALFORMED' });
    const over = { operations: [...most, ...most] };
    expect(() => encodeUnsignedTx({ ...tx, body: over })).toThrow(RangeError);
  });

  it('cannot be made with a negative, fractional or too large amount', () => {
    for (const amountNait of [-1n, 2n ** 64n, 1.5 as unknown as bigint]) {
      const body = { to: ownerId, amount: amountNait, memo: '' };
      const tx = {
        kind: 'transfer',
        chain: 1,
        nonce: 0,
        validUntil: 0,
        from: ownerId,
        fee: 1n,
        body,
      } as UnsignedTx;
      expect(() => encodeUnsignedTx(tx)).toThrow(RangeError);
    }
    for (const amountText of ['-1', '1.5', '1e3', 7, '18446744073709551616']) {
      const verdict = txBodyFromJson('vault_withdraw', { amount: amountText });
      expect(!verdict.ok && verdict.code).toBe('BAD_REQUEST');
    }
  });
});
