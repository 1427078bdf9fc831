/**
 * A recorded chain: about sixty blocks with every kind of transaction, skipped views, a change of validators and
 * of parameters. It is replayed from its bytes, by the ledger and by the oracle, to the roots that were
 * recorded. If this test fails, a chain that exists cannot be followed any more.
 *
 * A second one has the audits, a third one the shared accounts, which came later. AITBC_RECORD_CHAIN and the name of one records it anew: only
 * together with a new version of the formats or the rules.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { bytesFromHex, hex } from '@aitbc/primitives';
import {
  auditResults,
  blockHashOf,
  type Genesis,
  type Hex,
  networkFromGenesis,
  type SignedTx,
  type TxKind,
  zeroHash,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditFunds } from './audit.ts';
import { type BuiltBlock, checkBlock } from './block.ts';
import { type BlockBody, decodeBody, encodeBody } from './body.ts';
import { entryOfPair, keyOf, type StateKey } from './entries.ts';
import { genesisBlock, supplyOf } from './genesis.ts';
import { createOracle } from './oracle/index.ts';
import { anyAuditMove, createAuditWorld } from './testing/audit-world.ts';
import {
  acceptedMultisigKinds,
  anyMove,
  auditMoveKinds,
  createHistoryWorld,
  kinds,
  type Move,
  txOf,
} from './testing/histories.ts';
import { anyMultisigMove, createMultisigWorld } from './testing/multisig-world.ts';
import type { World } from './testing/world.ts';

interface RecordedChain {
  readonly genesis: Genesis;
  /** Bytes of each block, hex. */
  readonly blocks: readonly Hex[];
  /** Of the state after the last block. */
  readonly stateRoot: Hex;
  readonly stateSize: number;
}

/** A chain to record: what it begins with, what is tried, and what it must have in the end. */
interface Recording {
  readonly file: URL;
  readonly begin: () => { readonly world: World; readonly blocks: readonly BuiltBlock[] };
  readonly move: fc.Arbitrary<Move>;
  readonly kinds: readonly TxKind[];
  readonly isFull: (world: World, sets: ReadonlySet<Hex>) => boolean;
}

const recordings = {
  'the recorded chain': {
    file: new URL('../vectors/chain.json', import.meta.url),
    begin: () => ({ world: createHistoryWorld(), blocks: [] }),
    move: anyMove,
    kinds,
    isFull: ({ state }, sets) => sets.size > 1 && state.has(keyOf('overrides', zeroHash)),
  },
  'the recorded chain of audits': {
    file: new URL('../vectors/audit-chain.json', import.meta.url),
    begin: createAuditWorld,
    move: anyAuditMove,
    kinds: [...auditMoveKinds, 'agent_register', 'provider_register', 'provider_unbond'],
    isFull: ({ state }) => outcomesIn(state).size === auditResults.length,
  },
  'the recorded chain of shared accounts': {
    file: new URL('../vectors/multisig-chain.json', import.meta.url),
    begin: createMultisigWorld,
    move: anyMultisigMove,
    kinds: acceptedMultisigKinds,
    isFull: ({ state }) => [...state].filter(isChangedSharing).length > 1,
  },
} as const satisfies Record<string, Recording>;

const recordedBlocks = 60;
const movesPerBlock = 80;

/** What audits have come to. */
function outcomesIn(state: ReadonlyMap<StateKey, Uint8Array>): Set<string> {
  const outcomes = [...state].map(([key, value]) => {
    const { kind, entry } = entryOfPair(key, value);
    return kind === 'audit' ? entry.outcome : 'none';
  });
  return new Set(outcomes.filter((outcome) => outcome !== 'none'));
}

/** A shared account that took other members. */
function isChangedSharing([key, value]: readonly [StateKey, Uint8Array]): boolean {
  const { kind, entry } = entryOfPair(key, value);
  return kind === 'multisig' && entry.version > 0;
}

/** Random moves, of which the rarest kinds that the state accepts go in; the first seed that brings all of them. */
function record(recording: Recording): RecordedChain {
  for (let seed = 1; seed < 100; seed += 1) {
    const chain = recordFrom(recording, seed);
    if (chain) return chain;
  }
  throw new RangeError('no seed gives a chain with every kind');
}

function recordFrom(recording: Recording, seed: number): RecordedChain | undefined {
  const { world, blocks: before } = recording.begin();
  const moves = fc.sample(recording.move, { seed, numRuns: recordedBlocks * movesPerBlock });
  const used = new Map<TxKind, number>();
  const sets = new Set<Hex>();
  const count = ({ txs, header }: BuiltBlock) => {
    for (const { kind } of txs) used.set(kind, (used.get(kind) ?? 0) + 1);
    sets.add(header.validatorsHash);
  };
  before.forEach(count);
  const blocks = Array.from({ length: recordedBlocks }, (_, at) => {
    world.advance(at % 3 === 0 ? 6_000 : 700);
    const some = moves.slice(at * movesPerBlock, (at + 1) * movesPerBlock);
    const block = world.build(chosenTxs(world, some, used), at % 7 === 3 ? 4 : 0);
    count(block);
    world.commit(block);
    return block;
  });
  const hasAll = recording.kinds.every((kind) => used.has(kind));
  if (!hasAll || !recording.isFull(world, sets)) return undefined;
  const { genesis, tree, state } = world;
  const bodies = [...before, ...blocks].map((block) => hex(encodeBody(block)));
  return { genesis, blocks: bodies, stateRoot: tree.root(), stateSize: state.size };
}

/** At most one transaction of each sender. */
function chosenTxs(
  world: World,
  moves: readonly Move[],
  used: ReadonlyMap<TxKind, number>,
): SignedTx[] {
  const timesUsed = ({ kind }: Move) => used.get(kind) ?? 0;
  const bySender = new Map<Hex, SignedTx>();
  for (const move of moves.toSorted((a, b) => timesUsed(a) - timesUsed(b))) {
    const tx = txOf(world, move);
    if (!bySender.has(tx.from) && world.build([tx]).txs.length > 0) bySender.set(tx.from, tx);
  }
  return [...bySender.values()];
}

const wanted = process.env.AITBC_RECORD_CHAIN;
for (const [name, recording] of Object.entries(recordings)) {
  if (name === wanted) {
    writeFileSync(recording.file, `${JSON.stringify(record(recording), undefined, 1)}\n`);
  }
}

describe.each(Object.entries(recordings))('%s', (_, recording) => {
  const chain: RecordedChain = JSON.parse(readFileSync(recording.file, 'utf8'));
  const network = networkFromGenesis(chain.genesis);
  const bodies = chain.blocks.map((text): BlockBody => {
    const decoded = decodeBody(network, bytesFromHex(text, text.length / 2) ?? new Uint8Array());
    if (!decoded.ok) throw new RangeError(String(decoded.facts.reason));
    return decoded.value;
  });

  it('is followed from its bytes to its state root', () => {
    const first = genesisBlock(chain.genesis);
    const state = new Map<StateKey, Uint8Array>(first.writes);
    let head = { header: first.header, hash: first.hash };
    for (const { header, txs } of bodies) {
      const ground = { reader: state, tree: first.tree, network, params: chain.genesis.params };
      const parent = { parent: head.header, parentHash: head.hash };
      const hash = bodies[header.height]?.header.parent ?? blockHashOf(network, header);
      const checked = checkBlock({ ...ground, ...parent, header, txs, hash });
      if (!checked.ok) throw new RangeError(`block ${header.height}: ${checked.facts.reason}`);
      for (const [key, value] of checked.value.writes) state.set(key, value);
      first.tree.commit(checked.value.writes);
      head = { header, hash };
    }
    expect(first.tree.root()).toBe(chain.stateRoot);
    expect(state.size).toBe(chain.stateSize);
    const audit = auditFunds(state);
    expect(audit.problems).toStrictEqual([]);
    expect(audit.supply + audit.burned).toBe(supplyOf(chain.genesis));
  });

  it('has every kind of transaction that it is about, and several epochs', () => {
    const used = new Set(bodies.flatMap(({ txs }) => txs.map(({ kind }) => kind)));
    for (const kind of recording.kinds) expect(used, kind).toContain(kind);
    expect(bodies.at(-1)?.header.epoch).toBeGreaterThan(5);
  });

  it('means the same to the oracle, which refuses nothing of it', () => {
    const oracle = createOracle(chain.genesis);
    for (const { header, txs } of bodies) {
      const refused = oracle.apply({ ...header, txs }).filter(({ code }) => code !== null);
      expect(refused).toStrictEqual([]);
    }
    expect(oracle.entries()).toHaveLength(chain.stateSize);
  });
});

describe('the recorded chain', () => {
  it('has several sets of validators', () => {
    const { file } = recordings['the recorded chain'];
    const chain: RecordedChain = JSON.parse(readFileSync(file, 'utf8'));
    const network = networkFromGenesis(chain.genesis);
    const sets = chain.blocks.map((text) => {
      const decoded = decodeBody(network, bytesFromHex(text, text.length / 2) ?? new Uint8Array());
      return decoded.ok ? decoded.value.header.validatorsHash : '';
    });
    expect(new Set(sets).size).toBeGreaterThan(1);
  });
});
