import { createHttp, createLog } from '@aitbc/service';
import { expect, it } from 'vitest';
import type { ChainNode } from './app.ts';
import { createNodeMeter } from './metrics.ts';
import { actor, fund, makeFolder, nodeIn } from './testing/test-node.ts';

/** Values by name; those with labels beside the daemon's are left out. */
function numbersOf(text: string): Map<string, number> {
  const rows = text.matchAll(/^(\w+)\{(?:le="\+Inf",)?daemon="node"\} (\S+)$/gm);
  return new Map([...rows].map(([, name, value]) => [name as string, Number(value)]));
}

async function scrape(node: ChainNode): Promise<Map<string, number>> {
  return numbersOf(await (await fetch(`${node.url}/metrics`)).text());
}

it('tell what a node does', async () => {
  const at = makeFolder();
  const node = nodeIn(at);
  await node.start();
  try {
    const before = await scrape(node);
    expect(before.get('aitbc_is_validator')).toBe(1);
    expect(before.get('aitbc_mempool_transactions')).toBe(0);
    await fund(node.url as string, actor(1), 5n);
    await fund(node.url as string, actor(2), 5n);
    const after = await scrape(node);
    const value = (name: string) => after.get(name) as number;
    expect(value('aitbc_height')).toBeGreaterThanOrEqual(2);
    expect(value('aitbc_final_transactions_total')).toBe(2);
    expect(value('aitbc_final_blocks_total')).toBe(value('aitbc_height'));
    expect(value('aitbc_finality_seconds_count')).toBe(2);
    expect(value('aitbc_finality_seconds_sum')).toBeGreaterThan(0);
    expect(value('aitbc_journal_syncs_total')).toBeGreaterThanOrEqual(2);
    expect(value('aitbc_store_commits_total')).toBeGreaterThanOrEqual(2);
    expect(value('aitbc_view')).toBeGreaterThan(before.get('aitbc_view') as number);
    expect([value('aitbc_peers'), value('aitbc_is_syncing'), value('aitbc_is_halted')]).toEqual([
      0, 0, 0,
    ]);
  } finally {
    await node.stop();
    at.remove();
  }
});

it('count evidence, and time only what was admitted here', async () => {
  const http = createHttp({ name: 'node', log: createLog({ name: 'node', level: 'silent' }) });
  const meter = createNodeMeter(http.metrics);
  meter.evidenceSeen();
  meter.txAdmitted('aa');
  const txs = ['aa', 'bb'].map((txId) => ({ txId })) as never;
  meter.blocksStored([{ txs }]);
  meter.blocksStored([{ txs }]);
  const numbers = numbersOf(await http.metrics.registry.metrics());
  expect(numbers.get('aitbc_evidence_seen_total')).toBe(1);
  expect(numbers.get('aitbc_final_transactions_total')).toBe(4);
  expect(numbers.get('aitbc_finality_seconds_count')).toBe(1);
});
