/** Properties over random histories: every kind, several actors, time that moves. */
import type { SignedTx, TxKind } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyTx } from './apply.ts';
import { auditFunds } from './audit.ts';
import { type BuiltBlock, checkBlock } from './block.ts';
import { decodeBody, encodeBody } from './body.ts';
import { supplyOf } from './genesis.ts';
import { createOverlay } from './state.ts';
import { auditHistories, createAuditWorld } from './testing/audit-world.ts';
import {
  acceptedMultisigKinds,
  auditMoveKinds,
  createHistoryWorld,
  histories,
  kinds,
  txOf,
} from './testing/histories.ts';
import { createMultisigWorld, multisigHistories } from './testing/multisig-world.ts';
import type { Actor, World } from './testing/world.ts';
import { createStateTree } from './tree/tree.ts';

function expectSound(world: World, supply: bigint): void {
  const audit = auditFunds(world.state, world.context().timeMs);
  expect(audit.problems).toStrictEqual([]);
  expect(audit.supply + audit.burned).toBe(supply);
  const locked = audit.locks.reduce((sum, { amount }) => sum + amount, 0n);
  expect(audit.balances + locked).toBe(audit.supply);
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
        const world = createHistoryWorld();
        const follower = createHistoryWorld();
        const supply = supplyOf(world.genesis);
        for (const { waitMs, skipped, moves } of history) {
          world.advance(waitMs);
          const txs = moves.map((move) => txOf(world, move));
          expectNoTrace(world, txs);
          const block = world.build(txs, skipped);
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
      { numRuns: 80 },
    );
    expect(new Set(accepted.keys())).toStrictEqual(new Set(kinds));
  }, 120_000);

  it.each([
    ['audits', auditHistories, createAuditWorld, auditMoveKinds],
    ['shared accounts', multisigHistories, createMultisigWorld, acceptedMultisigKinds],
  ] as const)(
    'of %s keep the supply and the invariants; a second ledger follows from bytes alone',
    (...[, among, create, expected]) => {
      const accepted = new Map<string, number>();
      fc.assert(
        fc.property(among, (history) => {
          const { world } = create();
          const { world: follower } = create();
          const supply = supplyOf(world.genesis);
          for (const { waitMs, moves } of history) {
            world.advance(waitMs);
            const txs = moves.map((move) => txOf(world, move));
            expectNoTrace(world, txs);
            const block = world.build(txs);
            for (const { kind } of block.txs) accepted.set(kind, (accepted.get(kind) ?? 0) + 1);
            follow(follower, block);
            world.commit(block);
            expectSound(world, supply);
          }
          expect(follower.tree.root()).toBe(world.tree.root());
        }),
        { numRuns: 15 },
      );
      for (const kind of expected) expect(accepted.get(kind), kind).toBeGreaterThan(0);
    },
  );

  it('of audits end when anyone cranks them: every coin is in a balance or a bond', () => {
    fc.assert(
      fc.property(auditHistories, (history) => {
        const { world } = createAuditWorld();
        for (const { waitMs, moves } of history) {
          world.advance(waitMs);
          world.commit(world.build(moves.map((move) => txOf(world, move))));
        }
        for (let block = 0; block < 2; block += 1) world.commit(world.build([])); // draws what waits
        const isInAudit = () => auditFunds(world.state).audits > 0n;
        for (let step = 0; step < 400 && isInAudit(); step += 1) crankOne(world);
        const { audits, balances, bonds, stakes, burned, problems } = auditFunds(world.state);
        expect(problems).toStrictEqual([]);
        expect(audits).toBe(0n);
        expect(balances + bonds + stakes + burned).toBe(supplyOf(world.genesis));
      }),
      { numRuns: 20 },
    );
  });

  it('always let everyone leave: each lock opens by the transactions that it names', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const world = createHistoryWorld();
        for (const { waitMs, skipped, moves } of history) {
          world.advance(waitMs);
          const txs = moves.map((move) => txOf(world, move));
          world.commit(world.build(txs, skipped));
        }
        for (let step = 0; step < 300 && auditFunds(world.state).locks.length > 0; step += 1) {
          world.advance(10_000);
          unlockOne(world);
        }
        const audit = auditFunds(world.state);
        expect(audit.locks).toStrictEqual([]);
        expect(audit.balances + audit.burned).toBe(supplyOf(world.genesis));
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

/** A stranger to the audit closes the first one at its date. */
function crankOne(world: World): void {
  const { timeMs } = world.context();
  const lock = auditFunds(world.state, timeMs).locks.find(
    ({ releasedBy }) => releasedBy === 'audit_close',
  );
  if (!lock) return;
  world.advance(Math.max(0, (lock.dueMs ?? 0) - timeMs));
  const anyone = world.actors.find(({ id }) => id !== lock.owner) as Actor;
  const block = world.build([world.tx('audit_close', anyone, { auditId: lock.key.slice(1) })]);
  expect(block.refused).toStrictEqual([]);
  world.commit(block);
}

/** Sends the transaction that the first lock names. */
function unlockOne(world: World): void {
  const [lock] = auditFunds(world.state, world.context().timeMs).locks;
  if (!lock) return;
  world.advance(Math.max(0, (lock.dueMs ?? 0) - world.context().timeMs));
  const owner = world.actors.find(({ id }) => id === lock.owner) as Actor;
  const id = lock.key.slice(1);
  const { amount } = lock;
  const txs: Partial<Record<TxKind, () => SignedTx>> = {
    vault_withdraw: () => world.tx('vault_withdraw', owner, { amount }),
    withdraw_init: () => world.tx('withdraw_init', owner, { channelId: id, amount }),
    withdraw_finalize: () => world.tx('withdraw_finalize', owner, { channelId: id }),
    provider_unbond: () => world.tx('provider_unbond', owner, {}),
    bond_withdraw: () => world.tx('bond_withdraw', owner, { provider: owner.id }),
    validator_unbond: () => world.tx('validator_unbond', owner, { validator: id, amount }),
    task_expire: () => world.tx('task_expire', owner, { taskId: id }),
    stake_withdraw: () => world.tx('stake_withdraw', owner, { validator: id }),
  };
  const block = world.build([txs[lock.releasedBy]?.() as SignedTx]);
  expect(block.refused).toStrictEqual([]);
  world.commit(block);
}
