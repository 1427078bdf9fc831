/**
 * The fault card: a real gateway, real providers, HTTP between them, and everything that can go wrong on the way. For each
 * fault, what the client saw and what each provider was paid on chain, streamed and in one piece.
 *
 * The list of faults is our own. AITBC_CARD=write writes docs/faults.md from what was seen.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cardOf, type Line } from './faults/card.ts';
import { ask } from './faults/client.ts';
import { openMarket } from './faults/market.ts';
import { type Row, rows } from './faults/rows.ts';

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
    return { row, isStream, seen, paid };
  } finally {
    await market.stop();
  }
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
