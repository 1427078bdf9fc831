import type { TxReceipt } from '@aitbc/chain';
import { txKinds } from '@aitbc/protocol';
import { expect, it } from 'vitest';
import { decodeReceiptRow, encodeReceiptRow } from './receipt-rows.ts';

const [txId, from] = ['ab'.repeat(32), 'cd'.repeat(32)];
const kinds = Object.keys(txKinds) as (keyof typeof txKinds)[];
const receipts: TxReceipt[] = kinds.map((kind, index) => {
  const receipt = { txId, height: 7, index, kind, from, fee: 2n ** 64n - 1n - BigInt(index) };
  const rows = [
    { channelId: from, paid: 5n, code: null },
    { channelId: txId, paid: 0n, code: 'CHANNEL_CLOSED' as const },
  ];
  return kind === 'channel_claim' ? { ...receipt, rows } : receipt;
});

it('gives back the receipts of every kind', () => {
  expect(decodeReceiptRow(7, encodeReceiptRow(receipts))).toEqual(receipts);
  expect(decodeReceiptRow(7, encodeReceiptRow([]))).toEqual([]);
});

it('says of a cut or foreign row that the store is corrupt', () => {
  const row = encodeReceiptRow(receipts);
  const corrupt = expect.objectContaining({ code: 'STORE_CORRUPT' });
  expect(() => decodeReceiptRow(7, row.subarray(0, row.length - 1))).toThrow(corrupt);
  expect(() => decodeReceiptRow(7, new Uint8Array(74).fill(9))).toThrow(corrupt);
});
