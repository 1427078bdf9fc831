import { errorTable, nodeRpc, type TxKind, txKinds } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeReceipt, encodeReceipt, receiptToJson, type TxReceipt } from './receipt.ts';
import { actorOf } from './testing/world.ts';

const plain: TxReceipt = {
  txId: 'ab'.repeat(32),
  height: 7,
  index: 2,
  kind: 'transfer',
  from: actorOf(1).id,
  fee: 10_000n,
};
const claim: TxReceipt = {
  ...plain,
  kind: 'channel_claim',
  rows: [
    { channelId: 'cd'.repeat(32), paid: 5n, code: null },
    { channelId: 'ce'.repeat(32), paid: 0n, code: 'CLAIM_BEYOND_BALANCE' },
  ],
};

describe('receipts', () => {
  it('come back from their bytes, of each kind', () => {
    for (const kind of Object.keys(txKinds) as TxKind[]) {
      const receipt = kind === 'channel_claim' ? claim : { ...plain, kind };
      expect(decodeReceipt(encodeReceipt(receipt))).toEqual({ ok: true, value: receipt });
    }
  });

  it('have room for the code of each refusal', () => {
    for (const code of Object.values(errorTable).map((row) => row.code)) {
      const rows = [{ channelId: 'cd'.repeat(32), paid: 0n, code }];
      expect(encodeReceipt({ ...claim, rows }).length).toBeGreaterThan(0);
    }
  });

  it('have the JSON form of the node’s table', () => {
    const shape = nodeRpc.chain_getBlock.output.shape.receipts;
    expect(shape.safeParse([plain, claim].map(receiptToJson)).success).toBe(true);
    expect(receiptToJson(claim).rows?.[0]).toStrictEqual({
      channelId: 'cd'.repeat(32),
      paid: '5',
      code: null,
    });
    expect(receiptToJson(plain)).not.toHaveProperty('rows');
  });

  it('are refused, and never throw, when the bytes are not canonical', () => {
    const bytes = encodeReceipt(claim);
    for (let size = 0; size < bytes.length; size += 1) {
      expect(decodeReceipt(bytes.subarray(0, size))).toMatchObject({ code: 'STORE_CORRUPT' });
    }
    const kindAt = 32 + 8 + 4;
    const changed = (at: number, value: number) => {
      const copy = Uint8Array.from(bytes);
      copy[at] = value;
      return decodeReceipt(copy);
    };
    expect(changed(kindAt, 99)).toMatchObject({ facts: { reason: 'kind 99 is not known' } });
    expect(changed(kindAt, 1)).toMatchObject({ facts: { reason: 'only claims have rows' } });
    expect(changed(bytes.length - 1, 0x58)).toMatchObject({
      facts: { reason: 'code CLAIM_BEYOND_BALANCX is not known' },
    });
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const verdict = changed(at, value);
        expect(verdict.ok || verdict.code === 'STORE_CORRUPT').toBe(true);
      }),
    );
  });
});
