import { hex, keyPairFromSeed } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zTxJson } from './endpoints/node-rpc.ts';
import { addressOf } from './fields.ts';
import { limits } from './limits.ts';
import { networkFromHash } from './network.ts';
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
import { type BatchableKind, type Operation, type TxKind, txKinds } from './tx-kinds.ts';
import { createTxVerifier, signaturesIn, verifyTx } from './tx-signatures.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const owner = keyPairFromSeed(new Uint8Array(32).fill(1));
const ownerId = hex(owner.publicKey);
const sponsor = keyPairFromSeed(new Uint8Array(32).fill(2));
const sponsorId = hex(sponsor.publicKey);

const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hex);
const amount = fc.bigInt(0n, 2n ** 64n - 1n);
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const signature = fc.uint8Array({ minLength: 64, maxLength: 64 }).map(hex);
const text = (bytes: number) =>
  fc
    .string({ maxLength: bytes / 4, unit: 'grapheme' })
    .filter((t) => Buffer.byteLength(t) <= bytes);
const allocation = fc.record({
  receiver: id,
  payerAuthorizer: id,
  receiverAuthorizer: id,
  withdrawDelayMs: count,
  salt: id,
  amount,
});

/** Random bodies for the kinds that may stand in a batch. */
const batchable: Record<BatchableKind, fc.Arbitrary<unknown>> = {
  transfer: fc.record({
    to: id,
    amount,
    memo: fc.uint8Array({ maxLength: limits.memoBytes }).map(hex),
  }),
  vault_deposit: fc.record({ amount, allocations: fc.array(allocation, { maxLength: 16 }) }),
  vault_withdraw: fc.record({ amount }),
  channel_fund: allocation,
  channel_refund: fc.record({
    channelId: id,
    amount,
    refundNonce: count,
    authorizerSignature: signature,
  }),
  withdraw_init: fc.record({ channelId: id, amount }),
  withdraw_finalize: fc.record({ channelId: id }),
  agent_register: fc.record({ name: text(32), endpoint: text(200), cardHash: id }),
  provider_register: fc.record({ authorizer: id, endpoint: text(200), bond: amount }),
  provider_unbond: fc.constant({}),
  bond_withdraw: fc.record({ provider: id }),
  mandate_grant: fc.record({
    subKey: id,
    channelMaxNait: amount,
    windowMaxNait: amount,
    windowMs: count,
    totalMaxNait: amount,
    jobMaxNait: amount,
    receivers: fc.array(fc.record({ receiver: id }), { maxLength: limits.mandateReceivers }),
    models: fc.array(fc.record({ model: text(128) }), { maxLength: limits.mandateModels }),
    allows: fc.nat({ max: 255 }),
    expiresAtHeight: count,
  }),
  mandate_revoke: fc.record({ subKey: id }),
  mandate_fund: fc.record({
    owner: id,
    receiver: id,
    payerAuthorizer: id,
    receiverAuthorizer: id,
    withdrawDelayMs: count,
    salt: id,
    amount,
  }),
  mandate_transfer: fc.record({ owner: id, to: id, amount }),
  task_post: fc.record({
    worker: id,
    arbiter: id,
    reward: amount,
    deadlineMs: count,
    reviewMs: count,
    specHash: id,
    salt: id,
  }),
  task_accept: fc.record({ taskId: id }),
  task_submit: fc.record({ taskId: id, resultHash: id }),
  task_approve: fc.record({ taskId: id }),
  task_dispute: fc.record({ taskId: id, reasonHash: id }),
  task_resolve: fc.record({ taskId: id, workerShareNait: amount }),
  task_expire: fc.record({ taskId: id }),
};

const operation = fc
  .constantFrom(...(Object.keys(batchable) as BatchableKind[]))
  .chain((kind) => batchable[kind].map((body) => ({ kind, body })));

/** Random bodies for every kind. */
const bodies: Record<TxKind, fc.Arbitrary<unknown>> = {
  ...batchable,
  batch: fc.record({ operations: fc.array(operation, { maxLength: 20 }) }),
  channel_claim: fc.record({
    receiverAuthorizer: id,
    rows: fc.array(
      fc.record({
        channelId: id,
        maxClaimable: amount,
        context: id,
        voucherSignature: signature,
        totalClaimed: amount,
      }),
      { maxLength: 100 },
    ),
    authorizerSignature: signature,
  }),
  validator_bond: fc.record({ validator: id, stake: amount, keySignature: signature }),
  validator_unbond: fc.record({ validator: id, amount }),
  stake_withdraw: fc.record({ validator: id }),
  validator_unjail: fc.record({ validator: id }),
  evidence_submit: fc.record({
    validator: id,
    epoch: count,
    view: count,
    firstKind: fc.constantFrom('notarize', 'nullify', 'finalize'),
    firstHash: id,
    firstSignature: signature,
    secondKind: fc.constantFrom('notarize', 'nullify', 'finalize'),
    secondHash: id,
    secondSignature: signature,
  }),
  param_vote: fc.record({ validator: id, name: text(48), value: text(20), untilHeight: count }),
  upgrade_signal: fc.record({ validator: id, version: fc.nat({ max: 65_535 }), height: count }),
  auditor_enroll: fc.record({ digest: id }),
  auditor_leave: fc.record({ digest: id }),
  audit_open: fc.record({
    provider: id,
    recordHash: id,
    deposit: amount,
    receipt: fc.uint8Array({ maxLength: limits.auditReceiptBytes }).map(hex),
  }),
  audit_commit: fc.record({ auditId: id, commitment: id }),
  audit_reveal: fc.record({
    auditId: id,
    verdict: fc.nat({ max: 255 }),
    reportHash: id,
    salt: id,
  }),
  audit_appeal: fc.record({ auditId: id, deposit: amount }),
  audit_close: fc.record({ auditId: id }),
};

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
