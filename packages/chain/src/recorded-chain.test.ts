/**
 * A recorded chain: about sixty blocks with every kind of transaction, skipped views, a change of validators and
 * of parameters. It is replayed from its bytes, by the ledger and by the oracle, to the roots that were
 * recorded. If this test fails, a chain that exists cannot be followed any more.
 *
 * AITBC_RECORD_CHAIN=1 records it anew: only together with a new version of the formats or the rules.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { bytesFromHex, hex } from '@aitbc/primitives';
import {
  blockHashOf,
  type Genesis,
  type Hex,
  networkFromGenesis,
  type SignedTx,
  zeroHash,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditFunds } from './audit.ts';
import { checkBlock } from './block.ts';
import { type BlockBody, decodeBody, encodeBody } from './body.ts';
import { keyOf, type StateKey } from './entries.ts';
import { genesisBlock, supplyOf } from './genesis.ts';
import { createOracle } from './oracle/index.ts';
import { anyMove, createHistoryWorld, kinds, type Move, txOf } from './testing/histories.ts';
import type { World } from './testing/world.ts';

interface RecordedChain {
  readonly genesis: Genesis;
  /** Bytes of each block, hex. */
  readonly blocks: readonly Hex[];
  /** Of the state after the last block. */
  readonly stateRoot: Hex;
  readonly stateSize: number;
}

const file = new URL('../vectors/chain.json', import.meta.url);
const recordedBlocks = 60;
const movesPerBlock = 80;

/** Random moves, of which the rarest kinds that the state accepts go in; the first seed that brings all of them. */
function record(): RecordedChain {
  for (let seed = 1; seed < 100; seed += 1) {
    const chain = recordFrom(seed);
    if (chain) return chain;
  }
  throw new RangeError('no seed gives a chain with every kind');
}

function recordFrom(seed: number): RecordedChain | undefined {
  const world = createHistoryWorld();
  const moves = fc.sample(anyMove, { seed, numRuns: recordedBlocks * movesPerBlock });
  const used = new Map<string, number>();
  const sets = new Set<Hex>();
  const blocks = Array.from({ length: recordedBlocks }, (_, at) => {
    world.advance(at % 3 === 0 ? 6_000 : 700);
    const some = moves.slice(at * movesPerBlock, (at + 1) * movesPerBlock);
    const block = world.build(chosenTxs(world, some, used), at % 7 === 3 ? 4 : 0);
    for (const { kind } of block.txs) used.set(kind, (used.get(kind) ?? 0) + 1);
    sets.add(block.header.validatorsHash);
    world.commit(block);
    return hex(encodeBody(block));
  });
  const isVoted = world.state.has(keyOf('overrides', zeroHash));
  if (used.size < kinds.length || sets.size < 2 || !isVoted) return undefined;
  const { genesis, tree, state } = world;
  return { genesis, blocks, stateRoot: tree.root(), stateSize: state.size };
}

/** At most one transaction of each sender. */
function chosenTxs(
  world: World,
  moves: readonly Move[],
  used: ReadonlyMap<string, number>,
): SignedTx[] {
  const timesUsed = ({ kind }: Move) => used.get(kind) ?? 0;
  const bySender = new Map<Hex, SignedTx>();
  for (const move of moves.toSorted((a, b) => timesUsed(a) - timesUsed(b))) {
    const tx = txOf(world, move);
    if (!bySender.has(tx.from) && world.build([tx]).txs.length > 0) bySender.set(tx.from, tx);
  }
  return [...bySender.values()];
}

if (process.env.AITBC_RECORD_CHAIN) {
  writeFileSync(file, `${JSON.stringify(record(), undefined, 1)}\n`);
}

const chain: RecordedChain = JSON.parse(readFileSync(file, 'utf8'));
const network = networkFromGenesis(chain.genesis);
const bodies = chain.blocks.map((text): BlockBody => {
  const decoded = decodeBody(network, bytesFromHex(text, text.length / 2) ?? new Uint8Array());
  if (!decoded.ok) throw new RangeError(String(decoded.facts.reason));
  return decoded.value;
});

describe('the recorded chain', () => {
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

  it('has every kind of transaction, several epochs and several sets', () => {
    const used = new Set(bodies.flatMap(({ txs }) => txs.map(({ kind }) => kind)));
    expect(used).toStrictEqual(new Set(kinds));
    expect(bodies.at(-1)?.header.epoch).toBeGreaterThan(5);
    expect(new Set(bodies.map(({ header }) => header.validatorsHash)).size).toBeGreaterThan(1);
  });

  it('means the same to the oracle, which refuses nothing of it', () => {
    const oracle = createOracle(chain.genesis);
    for (const { header, txs } of bodies) {
      expect(oracle.apply({ ...header, txs }).filter(({ code }) => code !== null)).toStrictEqual(
        [],
      );
    }
    expect(oracle.entries()).toHaveLength(chain.stateSize);
  });
});
