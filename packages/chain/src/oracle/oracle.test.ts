import { type ErrorCode, errorTable } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '../audit-entries.ts';
import type { BuiltBlock } from '../block.ts';
import { type AnyEntry, entryOfPair } from '../entries.ts';
import { auditHistories, auditWorldParams, createAuditWorld } from '../testing/audit-world.ts';
import {
  createHistoryWorld,
  haltingParams,
  histories,
  historyParams,
  type Round,
  txOf,
} from '../testing/histories.ts';
import { createMultisigWorld, multisigHistories } from '../testing/multisig-world.ts';
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
const auditEventNames = [
  'guilty',
  'acquitted',
  'undecided',
  'overturned',
  'upheld',
  'second round',
  'part of a bond',
] as const;

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

function auditEventsOf(oracle: Oracle): string[] {
  const audits = oracle.entries().flatMap(({ kind, entry }) => (kind === 'audit' ? [entry] : []));
  const closed = audits.filter(({ phase }) => phase === 'closed');
  const isEvent: Readonly<Record<(typeof auditEventNames)[number], (row: AuditEntry) => boolean>> =
    {
      guilty: ({ outcome }) => outcome === 'guilty',
      acquitted: ({ outcome }) => outcome === 'acquitted',
      undecided: ({ outcome }) => outcome === 'undecided',
      overturned: ({ first, outcome }) => first === 'guilty' && outcome === 'acquitted',
      upheld: ({ round, first, outcome }) => round === 2 && first === 'guilty' && outcome === first,
      'second round': ({ seats }) => seats.length === 8,
      'part of a bond': ({ held }) => held > 0n,
    };
  return auditEventNames.filter((name) => closed.some(isEvent[name]));
}

const multisigCodes = Object.keys(errorTable).filter((code) => code.startsWith('MULTISIG_'));
const multisigEventNames = ['done', 'cancelled', 'open', 'other members', 'a slot again'] as const;

function multisigEventsOf(oracle: Oracle): string[] {
  const entries = oracle.entries();
  const proposals = entries.flatMap((row) => (row.kind === 'multisigProposal' ? [row.entry] : []));
  const isChanged = entries.some(({ kind, entry }) => kind === 'multisig' && entry.version > 0);
  return [
    ...proposals.map(({ state }) => state),
    ...(isChanged ? ['other members'] : []),
    ...(proposals.some(({ number }) => number > 0) ? ['a slot again'] : []),
  ];
}

/** Plays rounds on both ledgers and compares after each block; the codes of what was refused. */
function playBoth(world: World, oracle: Oracle, history: readonly Round[]): ErrorCode[] {
  expectSame(world, oracle);
  return history.flatMap(({ waitMs, skipped, moves }) => {
    world.advance(waitMs);
    const byId = new Map(moves.map((move) => txOf(world, move)).map((tx) => [tx.txId, tx]));
    const txs = [...byId.values()]; // one that stands there twice could be refused first and accepted then
    const block = world.build(txs, skipped);
    const results = oracle.apply({ ...block.header, txs });
    expect(new Map(results.map(({ txId, code }) => [txId, code]))).toEqual(codesOf(block));
    const rows = results.flatMap((result) => (result.rows ? [result.rows] : []));
    expect(rows).toEqual(block.receipts.flatMap((row) => (row.rows ? [row.rows] : [])));
    world.commit(block);
    expectSame(world, oracle);
    return results.flatMap(({ code }) => code ?? []);
  });
}

const auditTables = ['audit', 'jury', 'docket', 'conviction', 'formerKey'];
const multisigTables = ['multisig', 'multisigProposal'];

describe('the oracle', () => {
  it('says the same as the ledger after every block of random histories', () => {
    const seen = new Set<string>();
    const reached = new Set<string>();
    const tables = Object.keys(emptyTables()).filter(
      (kind) => ![...auditTables, ...multisigTables].includes(kind),
    );
    const wanted = new Set([...eventNames, ...tables]);
    const property = fc.property(histories, (history) => {
      const world = createHistoryWorld({ ...historyParams, ...haltingParams });
      const oracle = createOracle(world.genesis);
      for (const code of playBoth(world, oracle, history)) seen.add(code);
      for (const event of eventsOf(oracle)) reached.add(event);
    });
    // The rarest events are not in every sixty histories; more are made until all were compared.
    const isDone = () => reached.size === wanted.size && seen.size > 40;
    for (let round = 0; round < 8 && !isDone(); round += 1) fc.assert(property, { numRuns: 60 });
    expect(seen.size).toBeGreaterThan(40);
    expect(reached).toEqual(wanted);
  });

  it('says the same of audits: drawn, judged, appealed, left alone', () => {
    const seen = new Set<string>();
    const reached = new Set<string>();
    const wanted = new Set<string>([...auditEventNames, ...auditTables]);
    const property = fc.property(auditHistories, (history) => {
      const { world, blocks } = createAuditWorld({ ...auditWorldParams, ...haltingParams });
      const oracle = createOracle(world.genesis);
      for (const { header, txs } of blocks) oracle.apply({ ...header, txs });
      for (const code of playBoth(world, oracle, history)) seen.add(code);
      for (const event of auditEventsOf(oracle)) reached.add(event);
      for (const { kind } of oracle.entries()) if (wanted.has(kind)) reached.add(kind);
    });
    const isDone = () => reached.size === wanted.size && seen.size > 20;
    for (let round = 0; round < 8 && !isDone(); round += 1) fc.assert(property, { numRuns: 20 });
    expect(seen.size).toBeGreaterThan(20);
    expect(reached).toEqual(wanted);
  });

  it('says the same of shared accounts: agreed on, taken back, too late, with other members', () => {
    const seen = new Set<string>();
    const reached = new Set<string>();
    const wanted = new Set<string>(multisigEventNames);
    const property = fc.property(multisigHistories, (history) => {
      const { world, blocks } = createMultisigWorld();
      const oracle = createOracle(world.genesis);
      for (const { header, txs } of blocks) oracle.apply({ ...header, txs });
      for (const code of playBoth(world, oracle, history)) seen.add(code);
      for (const event of multisigEventsOf(oracle)) reached.add(event);
    });
    const isDone = () =>
      reached.size === wanted.size && multisigCodes.every((code) => seen.has(code));
    for (let round = 0; round < 8 && !isDone(); round += 1) fc.assert(property, { numRuns: 8 });
    for (const code of multisigCodes) expect(seen).toContain(code);
    expect(reached).toEqual(wanted);
  });
});
