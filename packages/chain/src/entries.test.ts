import { createWriter } from '@aitbc/primitives';
import {
  AppError,
  auditPhases,
  type ChannelState,
  field,
  type MultisigOperation,
  writeRecord,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditOutcomes } from './audit-entries.ts';
import {
  type AnyEntry,
  accountKey,
  agentKey,
  channelKey,
  decodeEntry,
  encodeEntry,
  entryOfPair,
  keyOf,
  providerKey,
} from './entries.ts';
import { multisigStates } from './multisig-entries.ts';
import { taskStates } from './work-entries.ts';

const id = 'ab'.repeat(32);
const amounts = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const counts = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const ids = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
});
const channels: fc.Arbitrary<ChannelState> = fc.record({
  channelId: fc.constant(id),
  payer: ids,
  payerAuthorizer: ids,
  receiver: ids,
  receiverAuthorizer: ids,
  withdrawDelayMs: counts,
  salt: ids,
  balance: amounts,
  totalClaimed: amounts,
  withdrawAmount: amounts,
  withdrawDueMs: counts,
  refundNonce: counts,
  closed: fc.boolean(),
});
const texts = fc.string({ maxLength: 30, unit: 'grapheme-ascii' });
const change = { name: texts, value: fc.string({ maxLength: 20, unit: 'grapheme-ascii' }) };
const changes = fc.array(fc.record(change), { maxLength: 40 });
const sharers = fc.array(fc.record({ member: ids }), { maxLength: 16 });
const operations: fc.Arbitrary<MultisigOperation> = fc.oneof(
  fc
    .record({ to: ids, amount: amounts, memo: fc.constantFrom('', 'ab') })
    .map((body) => ({ kind: 'transfer' as const, body })),
  fc
    .record({ threshold: fc.nat({ max: 255 }), members: sharers })
    .map((body) => ({ kind: 'multisig_change' as const, body })),
);
const entries: fc.Arbitrary<AnyEntry> = fc.oneof(
  fc.record({ balance: amounts, nonce: counts, vault: amounts }).map((entry) => {
    return { kind: 'account' as const, id, entry };
  }),
  channels.map((entry) => ({ kind: 'channel' as const, id, entry })),
  fc.record({ name: texts, endpoint: texts, cardHash: ids }).map((entry) => {
    return { kind: 'agent' as const, id, entry };
  }),
  fc
    .record({ authorizer: ids, endpoint: texts, bond: amounts, unbondDueMs: counts })
    .map((entry) => ({ kind: 'provider' as const, id, entry })),
  fc
    .record({
      owner: ids,
      stake: amounts,
      leaving: amounts,
      leavingDueMs: counts,
      jailedUntilMs: counts,
      missedViews: counts,
      slashed: fc.boolean(),
    })
    .map((entry) => ({ kind: 'validator' as const, id, entry })),
  fc
    .array(fc.record({ publicKey: ids, stake: amounts }), { maxLength: 100 })
    .map((members) => ({ kind: 'valset' as const, id, entry: { members } })),
  fc
    .array(fc.record({ validator: ids }), { maxLength: 256 })
    .map((keys) => ({ kind: 'roster' as const, id, entry: { keys } })),
  amounts.map((amount) => ({ kind: 'burned' as const, id, entry: { amount } })),
  fc
    .record({
      ...change,
      untilHeight: counts,
      voters: fc.array(fc.record({ validator: ids }), { maxLength: 100 }),
      armed: fc.boolean(),
    })
    .map((entry) => ({ kind: 'proposal' as const, id, entry })),
  fc
    .record({ present: changes, armed: changes })
    .map((entry) => ({ kind: 'overrides' as const, id, entry })),
  fc
    .record({ present: fc.nat({ max: 65_535 }), next: fc.nat({ max: 65_535 }), height: counts })
    .map((entry) => ({ kind: 'upgrade' as const, id, entry })),
  fc
    .record({ beganMs: counts, untilMs: counts, resumedHeight: counts })
    .map((entry) => ({ kind: 'standstill' as const, id, entry })),
  counts.map((nonce) => ({ kind: 'lane' as const, id, entry: { nonce } })),
  fc
    .record({
      ...{ provider: ids, opener: ids, jobId: ids, digest: ids, recordHash: ids, appellant: ids },
      ...{ deposit: amounts, appealDeposit: amounts, held: amounts, dueMs: counts },
      round: fc.nat({ max: 255 }),
      phase: fc.constantFrom(...auditPhases),
      first: fc.constantFrom(...auditOutcomes),
      outcome: fc.constantFrom(...auditOutcomes),
      seats: fc.array(
        fc.record({
          ...{ juror: ids, commitment: ids, reportHash: ids },
          round: fc.nat({ max: 255 }),
          verdict: fc.nat({ max: 255 }),
        }),
        { maxLength: 8 },
      ),
    })
    .map((entry) => ({ kind: 'audit' as const, id, entry })),
  fc
    .array(fc.record({ juror: ids }), { maxLength: 64 })
    .map((members) => ({ kind: 'jury' as const, id, entry: { members } })),
  fc
    .array(fc.record({ auditId: ids, drawHeight: counts }), { maxLength: 64 })
    .map((waiting) => ({ kind: 'docket' as const, id, entry: { waiting } })),
  ids.map((auditId) => ({ kind: 'conviction' as const, id, entry: { auditId } })),
  fc
    .record({ authorizer: ids, untilMs: counts })
    .map((entry) => ({ kind: 'formerKey' as const, id, entry })),
  fc
    .array(fc.record({ contentId: ids, validUntil: counts }), { maxLength: 64 })
    .map((alive) => ({ kind: 'expiring' as const, id, entry: { alive } })),
  fc
    .record({
      owner: ids,
      subKey: ids,
      channelMaxNait: amounts,
      windowMaxNait: amounts,
      windowMs: counts,
      totalMaxNait: amounts,
      jobMaxNait: amounts,
      receivers: fc.array(fc.record({ receiver: ids }), { maxLength: 16 }),
      models: fc.array(fc.record({ model: fc.string({ maxLength: 40 }) }), { maxLength: 16 }),
      allows: fc.nat({ max: 255 }),
      expiresAtHeight: counts,
      revoked: fc.boolean(),
      spentNait: amounts,
      windowStartMs: counts,
      windowSpentNait: amounts,
    })
    .map((entry) => ({ kind: 'mandate' as const, id, entry })),
  fc
    .record({
      poster: ids,
      worker: ids,
      arbiter: ids,
      reward: amounts,
      deadlineMs: counts,
      reviewMs: counts,
      specHash: ids,
      salt: ids,
      state: fc.constantFrom(...taskStates),
      dueMs: counts,
      resultHash: ids,
      reasonHash: ids,
      workerShareNait: amounts,
    })
    .map((entry) => ({ kind: 'task' as const, id, entry })),
  fc
    .record({ threshold: fc.nat({ max: 255 }), members: sharers, version: counts })
    .map((entry) => ({ kind: 'multisig' as const, id, entry })),
  fc
    .record({
      ...{ multisig: ids, proposer: ids, proposalId: ids, approvals: sharers },
      slot: fc.nat({ max: 255 }),
      ...{ number: counts, version: counts, expiresAtMs: counts },
      state: fc.constantFrom(...multisigStates),
      operations: fc.array(operations, { maxLength: 8 }),
    })
    .map((entry) => ({ kind: 'multisigProposal' as const, id, entry })),
);

describe('entries', () => {
  it('come back from their bytes as they were', () => {
    fc.assert(
      fc.property(entries, (found) => {
        const bytes = encodeEntry(found.kind, found.entry);
        expect(entryOfPair(keyOf(found.kind, found.id), bytes)).toEqual(found);
      }),
    );
  });

  it('write accounts exactly as the field table would', () => {
    fc.assert(
      fc.property(amounts, counts, amounts, (balance, nonce, vault) => {
        const writer = createWriter();
        const fields = { balance: field.amount, nonce: field.count, vault: field.amount };
        writeRecord(fields, writer, { balance, nonce, vault });
        expect(encodeEntry('account', { balance, nonce, vault })).toStrictEqual(writer.finish());
      }),
    );
  });

  it('refuse to write an account that is out of range', () => {
    for (const bad of [-1n, 2n ** 64n]) {
      expect(() => encodeEntry('account', { balance: bad, nonce: 0, vault: 0n })).toThrow(
        RangeError,
      );
      expect(() => encodeEntry('account', { balance: 0n, nonce: 0, vault: bad })).toThrow(
        RangeError,
      );
    }
  });

  it('refuse to write a nonce that no number holds', () => {
    for (const nonce of [-1, 0.5, 2 ** 53, Number.NaN]) {
      const write = () => encodeEntry('account', { balance: 0n, nonce, vault: 0n });
      expect(write).toThrow(RangeError);
    }
  });

  it('throw STORE_CORRUPT, and nothing else, for bytes or keys that are not canonical', () => {
    const codeOf = (run: () => unknown): unknown => {
      try {
        run();
        return 'none';
      } catch (error) {
        return error instanceof AppError ? error.code : error;
      }
    };
    expect(codeOf(() => decodeEntry('account', id, new Uint8Array(23)))).toBe('STORE_CORRUPT');
    expect(codeOf(() => decodeEntry('account', id, new Uint8Array(25)))).toBe('STORE_CORRUPT');
    const highNonce = new Uint8Array(24).fill(0xff, 8, 16);
    expect(codeOf(() => decodeEntry('account', id, highNonce))).toBe('STORE_CORRUPT');
    const badFlag = new Uint8Array(32 * 5 + 8 * 6 + 1).fill(0);
    badFlag[badFlag.length - 1] = 2;
    expect(codeOf(() => decodeEntry('channel', id, badFlag))).toBe('STORE_CORRUPT');
    expect(codeOf(() => entryOfPair('x00', new Uint8Array(0)))).toBe('STORE_CORRUPT');
    fc.assert(
      fc.property(
        fc.constantFrom(
          'account',
          'channel',
          'agent',
          'provider',
          'expiring',
          'mandate',
          'task',
          'multisig',
          'multisigProposal',
        ),
        fc.uint8Array({ maxLength: 300 }),
        (kind, bytes) => {
          expect(['none', 'STORE_CORRUPT']).toContain(
            codeOf(() => decodeEntry(kind as 'account', id, bytes)),
          );
        },
      ),
    );
  });

  it('have a key for each kind', () => {
    expect([accountKey(id), channelKey(id), agentKey(id), providerKey(id)]).toStrictEqual([
      keyOf('account', id),
      keyOf('channel', id),
      keyOf('agent', id),
      keyOf('provider', id),
    ]);
  });
});
