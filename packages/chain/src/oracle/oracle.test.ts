import type { ErrorCode } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BuiltBlock } from '../block.ts';
import { type AnyEntry, entryOfPair } from '../entries.ts';
import { createHistoryWorld, histories, txOf } from '../testing/histories.ts';
import type { World } from '../testing/world.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { emptyTables } from './oracle-state.ts';

/** All entries of the ledger, decoded, by key. */
const entriesOf = (world: World) =>
  new Map([...world.state].map(([key, value]) => [key, entryOfPair(key, value)]));

const oracleEntries = (oracle: Oracle) =>
  new Map(oracle.entries().map((row) => [`${row.kind} ${row.id}`, row]));

function expectSame(world: World, oracle: Oracle): void {
  const real = [...entriesOf(world).values()].map((row) => [`${row.kind} ${row.id}`, row] as const);
  expect(oracleEntries(oracle)).toEqual(new Map(real));
}

/** Codes of all candidates of a block by id; null for those that went in. */
function codesOf({ receipts, refused }: BuiltBlock): Map<string, ErrorCode | null> {
  return new Map([
    ...receipts.map(({ txId }) => [txId, null] as const),
    ...refused.map(({ tx, code }) => [tx.txId, code] as const),
  ]);
}

const eventNames = ['jail', 'conviction', 'new set', 'new parameter', 'refund'] as const;

/** What a history has led to: kinds of entries, and the rarer events. */
function eventsOf(oracle: Oracle): string[] {
  const entries = oracle.entries();
  const isEvent: Readonly<Record<(typeof eventNames)[number], (row: AnyEntry) => boolean>> = {
    jail: ({ kind, entry }) => kind === 'validator' && entry.jailedUntilMs > 0,
    conviction: ({ kind, entry }) => kind === 'validator' && entry.slashed,
    'new set': ({ kind, entry }) => kind === 'valset' && entry.members.length !== 4,
    'new parameter': ({ kind, entry }) => kind === 'overrides' && entry.present.length > 0,
    refund: ({ kind, entry }) => kind === 'channel' && entry.refundNonce > 0,
  };
  const events = eventNames.filter((name) => entries.some(isEvent[name]));
  return [...events, ...entries.map(({ kind }) => kind)];
}

describe('the oracle', () => {
  it('says the same as the ledger after every block of random histories', () => {
    const seen = new Set<string>();
    const reached = new Set<string>();
    const wanted = new Set([...eventNames, ...Object.keys(emptyTables())]);
    const property = fc.property(histories, (history) => {
      const world = createHistoryWorld();
      const oracle = createOracle(world.genesis);
      expectSame(world, oracle);
      for (const { waitMs, skipped, moves } of history) {
        world.advance(waitMs);
        const txs = moves.map((move) => txOf(world, move));
        const block = world.build(txs, skipped);
        const results = oracle.apply({ ...block.header, txs });
        expect(new Map(results.map(({ txId, code }) => [txId, code]))).toEqual(codesOf(block));
        const rows = results.flatMap((result) => (result.rows ? [result.rows] : []));
        expect(rows).toEqual(block.receipts.flatMap((row) => (row.rows ? [row.rows] : [])));
        world.commit(block);
        expectSame(world, oracle);
        for (const { code } of results) if (code !== null) seen.add(code);
      }
      for (const event of eventsOf(oracle)) reached.add(event);
    });
    // The rarest events are not in every sixty histories; more are made until all were compared.
    for (let round = 0; round < 8 && reached.size < wanted.size; round += 1) {
      fc.assert(property, { numRuns: 60 });
    }
    expect(seen.size).toBeGreaterThan(40);
    expect(reached).toEqual(wanted);
  });
});
