/**
 * The fault card: a real gateway, real providers, HTTP between them, and everything that can go wrong on the way. For each
 * fault, what the client saw and what each provider was paid on chain, streamed and in one piece.
 *
 * The list of faults is our own. AITBC_CARD=write writes docs/faults.md from what was seen.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifyJobProof } from '@aitbc/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { cardOf, type Line } from './faults/card.ts';
import { ask } from './faults/client.ts';
import { type Market, openMarket } from './faults/market.ts';
import { type Row, rows } from './faults/rows.ts';
import { promptTokens, requestPrice, words } from './faults/shop.ts';

const lines: Line[] = [];

async function play(row: Row, isStream: boolean): Promise<Line> {
  const market = await openMarket(row.wishes);
  try {
    const scene = {
      market,
      ask: (how = {}) => ask(market.till, { isStream, ...how }),
    };
    const seen = await (row.play ?? (() => scene.ask()))(scene);
    const paid = await market.settle();
    if (seen.judgement === 'pass') await expectProof(market, paid);
    return { row, isStream, seen, paid };
  } finally {
    await market.stop();
  }
}

/** Whoever broke, the buyer can prove the answer, and each nait that was paid for it. */
async function expectProof({ ledger, shops, till }: Market, paid: Line['paid']): Promise<void> {
  const client = till.client();
  const { calls } = await client.spend({ limit: 1 });
  const proof = await client.proof({ jobId: calls[0]?.jobId ?? '' });
  const proven = verifyJobProof(ledger.network, proof);
  if (!proven.ok) throw new Error(`the proof is refused: ${proven.facts.reason}`);
  const { parts, prompts, surplusTokens, ...job } = proven.value;
  const whole = { outputTokens: words.length, unsignedTokens: 0, outcome: 'complete' };
  expect(job).toMatchObject(whole);
  const chargedBy = (address: string) =>
    parts.reduce((sum, part) => sum + (part.provider === address ? part.charged : 0n), 0n);
  expect(shops.map(({ address }) => chargedBy(address))).toEqual(paid);
  const left = parts.filter(({ hasPrompt }) => hasPrompt).slice(0, -1);
  expect(left.every(({ outcome }) => outcome === 'client_abort' || outcome === 'limit')).toBe(true);
  expect(prompts).toBe(left.length + 1);
  const signed = parts.reduce((sum, { from, to }) => sum + to - from, 0);
  expect(signed).toBe(words.length + surplusTokens);
  const due = BigInt(prompts) * (BigInt(promptTokens) + requestPrice) + BigInt(signed);
  expect(job.charged).toBe(due);
}

describe.concurrent.each(rows)('$place: $fault', (row) => {
  for (const isStream of [true, false]) {
    it(isStream ? 'in a stream' : 'in one piece', async () => {
      const line = await play(row, isStream);
      lines.push(line);
      const { seen, paid } = line;
      const expected = { judgement: row.sees[isStream ? 0 : 1], paid: row.due };
      expect({ judgement: seen.judgement, paid }, `${seen.said} ${paid}`).toEqual(expected);
    });
  }
});

afterAll(() => {
  if (process.env.AITBC_CARD !== 'write') return;
  writeFileSync(join(import.meta.dirname, '../docs/faults.md'), cardOf(rows, lines));
});
