/** Properties over random histories: every kind, several actors, time that moves. */
import { type Allocation, type SignedTx, type TxKind, txKinds, zeroHash } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyTx } from './apply.ts';
import { auditFunds } from './audit.ts';
import { type BuiltBlock, checkBlock } from './block.ts';
import { decodeBody, encodeBody } from './body.ts';
import { channelOf, createOverlay } from './state.ts';
import {
  type Actor,
  allocationOf,
  balanceNait,
  channelOfAllocation,
  claimOf,
  createWorld,
  refundOf,
  type World,
  worldParams,
} from './testing/world.ts';
import { createStateTree } from './tree.ts';

const actorCount = 3;
const params = { ...worldParams, unbondingMs: 9_000, providerBondMin: '500' };

interface Move {
  readonly kind: TxKind;
  readonly actor: number;
  readonly other: number;
  readonly salt: number;
  readonly amount: bigint;
  readonly spoiled: boolean;
}

const kinds = Object.keys(txKinds) as TxKind[];
const moves: fc.Arbitrary<Move> = fc.record({
  kind: fc.constantFrom(...kinds),
  actor: fc.nat({ max: actorCount - 1 }),
  other: fc.nat({ max: actorCount - 1 }),
  salt: fc.nat({ max: 1 }),
  amount: fc.oneof(
    { weight: 8, arbitrary: fc.bigInt({ min: 0n, max: 1_000n }) },
    { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: balanceNait * 2n }) },
    { weight: 1, arbitrary: fc.constant(2n ** 64n - 1n) },
  ),
  spoiled: fc.integer({ min: 0, max: 19 }).map((roll) => roll === 0),
});
const histories = fc.array(
  fc.record({
    waitMs: fc.nat({ max: 7_000 }),
    moves: fc.array(moves, { maxLength: 6, size: 'max' }),
  }),
  { minLength: 20, maxLength: 60, size: 'max' },
);

/** The transaction of a move against the present state: mostly sensible, sometimes not. */
function txOf(world: World, move: Move): SignedTx {
  const actor = world.actors[move.actor] as Actor;
  const isTransfer = move.kind === 'transfer';
  const other = world.actors[isTransfer ? move.other : (move.actor + 1) % actorCount] as Actor;
  const { amount, kind } = move;
  const part = amount % 150n;
  const { network, reader } = world;
  const allocation: Allocation = {
    ...allocationOf(actor, other, amount),
    salt: `${move.salt}`.padStart(64, '0'),
  };
  const channelId = channelOfAllocation(network, actor, allocation);
  const channel = channelOf(reader, channelId);
  const refundNonce = channel?.refundNonce ?? 0;
  const due = (channel?.totalClaimed ?? 0n) + part;
  const row = { channelId, maxClaimable: due, totalClaimed: due };
  switch (kind) {
    case 'transfer':
      return world.tx(kind, actor, { to: other.id, amount, memo: '' });
    case 'vault_deposit': {
      const half = { ...allocation, amount: amount / 2n };
      return world.tx(kind, actor, { amount, allocations: move.salt === 0 ? [] : [half] });
    }
    case 'vault_withdraw':
      return world.tx(kind, actor, { amount });
    case 'channel_fund':
      return world.tx(kind, actor, allocation);
    case 'channel_claim':
      return world.tx(kind, other, claimOf(network, { payer: actor, receiver: other }, [row, row]));
    case 'channel_refund':
      return world.tx(
        kind,
        actor,
        refundOf(network, other, { channelId, amount: part, refundNonce }),
      );
    case 'withdraw_init':
      return world.tx(kind, actor, { channelId, amount });
    case 'withdraw_finalize':
      return world.tx(kind, other, { channelId });
    case 'agent_register':
      return world.tx(kind, actor, { name: 'n', endpoint: '', cardHash: zeroHash });
    case 'provider_register':
      return world.tx(kind, actor, { authorizer: actor.id, endpoint: '', bond: amount });
    case 'provider_unbond':
      return world.tx(kind, actor, {});
    case 'bond_withdraw':
      return world.tx(kind, other, { provider: actor.id });
  }
}

const spoil = (world: World, tx: SignedTx): SignedTx => {
  const actor = world.actors.find(({ id }) => id === tx.from) as Actor;
  return world.sign(actor, { ...tx, nonce: tx.nonce + 1 } as SignedTx);
};

function expectSound(world: World, supply: bigint): void {
  const audit = auditFunds(world.state, world.context().timeMs);
  expect(audit.problems).toStrictEqual([]);
  expect(audit.supply).toBe(supply);
  const locked = audit.locks.reduce((sum, { amount }) => sum + amount, 0n);
  expect(audit.balances + locked).toBe(supply);
}

/** Refused transactions change nothing, in the state in which the block began. */
function expectNoTrace(world: World, txs: readonly SignedTx[]): void {
  for (const tx of txs) {
    const overlay = createOverlay(world.reader);
    if (!applyTx(overlay, world.context(), tx).ok) expect(overlay.writes().size).toBe(0);
  }
}

describe('random histories', () => {
  it('keep the supply, the invariants and the roots; a second ledger follows from bytes alone', () => {
    const accepted = new Map<string, number>();
    fc.assert(
      fc.property(histories, (history) => {
        const world = createWorld(actorCount, params);
        const follower = createWorld(actorCount, params);
        const supply = BigInt(actorCount) * balanceNait;
        for (const { waitMs, moves: round } of history) {
          world.advance(waitMs);
          const txs = round.map((move) => {
            const tx = txOf(world, move);
            return move.spoiled ? spoil(world, tx) : tx;
          });
          expectNoTrace(world, txs);
          const block = world.build(txs);
          expect(block.txs.length + block.refused.length).toBe(txs.length);
          for (const { kind } of block.txs) accepted.set(kind, (accepted.get(kind) ?? 0) + 1);
          follow(follower, block);
          world.commit(block);
          expectSound(world, supply);
        }
        expect(follower.tree.root()).toBe(world.tree.root());
        expect(follower.state).toStrictEqual(world.state);
        const inOrder = [...world.state].sort(([a], [b]) => indexIn(world, a) - indexIn(world, b));
        expect(createStateTree(inOrder).root()).toBe(world.tree.root());
      }),
      { numRuns: 60 },
    );
    expect(new Set(accepted.keys())).toStrictEqual(new Set(kinds));
  });

  it('always let everyone leave: each lock opens by the transactions that it names', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const world = createWorld(actorCount, params);
        for (const { waitMs, moves: round } of history) {
          world.advance(waitMs);
          world.commit(world.build(round.map((move) => txOf(world, move))));
        }
        for (let step = 0; step < 60 && auditFunds(world.state).locks.length > 0; step += 1) {
          world.advance(10_000);
          unlockOne(world);
        }
        const audit = auditFunds(world.state);
        expect(audit.locks).toStrictEqual([]);
        expect(audit.balances).toBe(BigInt(actorCount) * balanceNait);
      }),
      { numRuns: 15 },
    );
  });
});

const indexIn = (world: World, key: string): number => world.tree.indexOf(key) ?? -1;

/** Checks the block as its bytes arrive, and commits it. */
function follow(follower: World, block: BuiltBlock): void {
  const decoded = decodeBody(follower.network, encodeBody(block));
  if (!decoded.ok) throw new RangeError(decoded.code);
  const { header, txs } = decoded.value;
  const checked = checkBlock({ ...follower.ground(), header, txs, hash: block.hash });
  if (!checked.ok) throw new RangeError(String(checked.facts.reason));
  expect(checked.value.writes).toStrictEqual(block.writes);
  follower.commit({ ...block, txs, ...checked.value });
}

/** Sends the transaction that the first lock names. */
function unlockOne(world: World): void {
  const [lock] = auditFunds(world.state, world.context().timeMs).locks;
  if (!lock) return;
  const owner = world.actors.find(({ id }) => id === lock.owner) as Actor;
  const id = lock.key.slice(1);
  const { amount } = lock;
  const txs: Partial<Record<TxKind, () => SignedTx>> = {
    vault_withdraw: () => world.tx('vault_withdraw', owner, { amount }),
    withdraw_init: () => world.tx('withdraw_init', owner, { channelId: id, amount }),
    withdraw_finalize: () => world.tx('withdraw_finalize', owner, { channelId: id }),
    provider_unbond: () => world.tx('provider_unbond', owner, {}),
    bond_withdraw: () => world.tx('bond_withdraw', owner, { provider: owner.id }),
  };
  const block = world.build([txs[lock.releasedBy]?.() as SignedTx]);
  expect(block.refused).toStrictEqual([]);
  world.commit(block);
}
