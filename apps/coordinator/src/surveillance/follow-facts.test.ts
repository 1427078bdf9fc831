import { addressOf } from '@aitbc/protocol';
import { createLog } from '@aitbc/service';
import { expect, test } from 'vitest';
import type { NewFact } from '../store/surveillance/fact-rows.ts';
import { identityOf, network } from '../testing/harness.ts';
import { createTestBlocks } from '../testing/test-blocks.ts';
import { followFacts } from './follow-facts.ts';

const from = identityOf('payer').address;
const to = addressOf('02'.repeat(32));

test('of a block are kept transfers that matter; what cannot be read is left out', async () => {
  const stored: NewFact[] = [];
  const insert = async (facts: readonly NewFact[]) => void stored.push(...facts);
  const log = createLog({ name: 'facts', level: 'silent' });
  const reader = followFacts({ rows: { insert }, log, network: () => network });
  const blocks = createTestBlocks();
  const transfer = (amount: string) => ({
    ...{ kind: 'transfer' as const, from },
    body: { to, amount, memo: '' },
  });
  const unknown = {
    kind: 'batch' as const,
    from,
    body: { operations: [{ kind: 'later', body: {} }] },
  };
  blocks.add(5, transfer('100000'), unknown, transfer('99999'));
  const txs = await blocks.txs(1);
  await reader.onBlock({ height: 1, hash: 'h', parent: 'p', timeMs: 5, txs });
  expect(stored).toEqual([
    {
      ...{ txId: txs[0]?.id, place: 0, height: 1, atMs: 5 },
      facts: { kind: 'transfer', from, to, amount: '100000' },
    },
  ]);
});

test('an account that is no account is a mistake of the node, and the block is tried again', async () => {
  const log = createLog({ name: 'facts', level: 'silent' });
  const rows = { insert: async () => {} };
  const reader = followFacts({ rows, log, network: () => network });
  const blocks = createTestBlocks();
  blocks.add(5, { kind: 'transfer', from: 'nobody', body: { to, amount: '1', memo: '' } });
  const block = { height: 1, hash: 'h', parent: 'p', timeMs: 5, txs: await blocks.txs(1) };
  await expect(reader.onBlock(block)).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
});
