import { devnetParams, type SignedTx, type TxBody, zeroHash } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditFunds } from '../audit.ts';
import { accountOf, channelOf, entryOf } from '../state.ts';
import {
  type Actor,
  allocationOf,
  channelOfAllocation,
  claimOf,
  createWorld,
  type World,
  worldParams,
} from '../testing/world.ts';

const beatMs = 1_000;
const catchUpMs = 6 * beatMs;
const delayMs = 60_000;
const params = { ...worldParams, heartbeatMs: beatMs, catchUpBeats: 6 };
const hourMs = 3_600_000;

/** A ledger whose blocks come when the test says so. */
function createTown(changes: Partial<typeof params> = {}) {
  const world = createWorld(3, { ...params, ...changes });
  const [payer, receiver, stranger] = world.actors as [Actor, Actor, Actor];
  /** The next block `waitMs` after the one before; codes of what it refused. */
  const block = (waitMs: number, ...txs: SignedTx[]): string[] => {
    world.advance(waitMs - 1); // a block is a millisecond later at least
    const built = world.build(txs);
    world.commit(built);
    return built.refused.map(({ code }) => code);
  };
  const live = (spanMs: number): void => {
    for (let leftMs = spanMs; leftMs > 0; leftMs -= beatMs) block(Math.min(beatMs, leftMs));
  };
  block(hourMs); // the first block of a chain may come long after its genesis document
  return { world, payer, receiver, stranger, block, live };
}

type Town = ReturnType<typeof createTown>;

/** A channel of 100 with a withdrawal that began in the last block. */
function openClosing({ world, payer, receiver, block }: Town) {
  const allocation = { ...allocationOf(payer, receiver, 100n), withdrawDelayMs: delayMs };
  const channelId = channelOfAllocation(world.network, payer, allocation);
  const deposit = world.tx('vault_deposit', payer, { amount: 100n, allocations: [allocation] });
  expect(block(1, deposit)).toEqual([]);
  expect(block(1, world.tx('withdraw_init', payer, { channelId, amount: 100n }))).toEqual([]);
  return {
    finalize: () => world.tx('withdraw_finalize', payer, { channelId }),
    claim: (totalClaimed: bigint) => {
      const row = { channelId, maxClaimable: totalClaimed, totalClaimed };
      const body = claimOf(world.network, { payer, receiver }, [row]);
      return world.tx('channel_claim', receiver, body);
    },
    isClosed: () => channelOf(world.reader, channelId)?.closed === true,
  };
}

const standstillIn = (world: World) => entryOf(world.reader, 'standstill', zeroHash);

describe('a withdrawal', () => {
  it('waits for the provider when the chain stood still over its date', () => {
    const town = createTown();
    const { finalize, claim, isClosed } = openClosing(town);
    expect(town.block(hourMs, finalize())).toEqual(['CHANNEL_WITHDRAW_EARLY']);
    expect(town.block(10, claim(70n))).toEqual([]);
    town.live(catchUpMs - 12);
    expect(town.block(1, finalize())).toEqual(['CHANNEL_WITHDRAW_EARLY']);
    expect(town.block(1, finalize())).toEqual([]);
    expect(isClosed()).toBe(true);
    expect(accountOf(town.world.reader, town.payer.id).vault).toBe(30n);
  });

  it('is not held up by a halt that ended well before its date', () => {
    const town = createTown();
    const { finalize } = openClosing(town);
    town.block(delayMs - catchUpMs - 10);
    town.live(catchUpMs);
    expect(town.block(9, finalize())).toEqual(['CHANNEL_WITHDRAW_EARLY']);
    expect(town.block(1, finalize())).toEqual([]);
  });

  it('is not held up by a halt that began when its date was over', () => {
    const town = createTown();
    const { finalize } = openClosing(town);
    town.live(delayMs);
    expect(town.block(hourMs, finalize())).toEqual([]);
  });

  it('comes in the first block after a halt where the genesis document has no such rule', () => {
    const town = createTown({ catchUpBeats: 0 });
    const { finalize } = openClosing(town);
    expect(town.block(hourMs, finalize())).toEqual([]);
    expect(standstillIn(town.world)).toBeUndefined();
  });

  it('ends on a chain whose every block comes late', () => {
    const town = createTown();
    const { finalize } = openClosing(town);
    let blocks = 0;
    do blocks += 1;
    while (town.block(4 * beatMs, finalize()).length > 0 && blocks < 2_000);
    expect(blocks).toBe(1_001);
  });

  it('never comes before the chain was alive for a whole catch-up time', () => {
    const waits = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 * beatMs }) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 * delayMs }) },
      ),
      { minLength: 60, maxLength: 90 },
    );
    const property = fc.property(waits, (blockWaits) => {
      const town = createTown();
      const { finalize } = openClosing(town);
      let [liveMs, best] = [0, 0];
      for (const waitMs of blockWaits) {
        liveMs = waitMs > 3 * beatMs ? 0 : liveMs + waitMs;
        best = Math.max(best, liveMs);
        if (town.block(waitMs, finalize()).length > 0) continue;
        expect(best).toBeGreaterThanOrEqual(catchUpMs);
        return;
      }
    });
    fc.assert(property, { numRuns: 40 });
  });
});

describe('other dates', () => {
  it('of a task: its worker may submit after the halt, and only then may it expire', () => {
    const town = createTown();
    const { world, payer: poster, receiver: worker, stranger } = town;
    const deadlineMs = world.head().header.timeMs + 30_000;
    const terms = { worker: worker.id, arbiter: zeroHash, reward: 50n, deadlineMs };
    const post = { ...terms, reviewMs: 20_000, specHash: zeroHash, salt: zeroHash };
    town.block(1, world.tx('task_post', poster, post as TxBody<'task_post'>));
    const taskId = [...world.state.keys()].find((key) => key.startsWith('t'))?.slice(1) as string;
    town.block(1, world.tx('task_accept', worker, { taskId }));
    const expire = () => world.tx('task_expire', stranger, { taskId });
    expect(town.block(hourMs, expire())).toEqual(['TASK_EARLY']);
    const submit = world.tx('task_submit', worker, { taskId, resultHash: zeroHash });
    expect(town.block(100, submit, expire())).toEqual(['TASK_EARLY']);
    town.live(20_000);
    expect(town.block(1, world.tx('task_approve', poster, { taskId }))).toEqual(['TASK_LATE']);
    expect(town.block(1, expire())).toEqual([]);
  });

  it('of a bond: it stays two phases of an audit longer than the time to catch up', () => {
    const voteMs = 5_000;
    const town = createTown({ ...{ unbondingMs: 30_000, auditVoteMs: voteMs } });
    const { world, payer: provider } = town;
    const card = { name: 'p', endpoint: '', cardHash: zeroHash };
    town.block(1, world.tx('agent_register', provider, card));
    const bond = BigInt(worldParams.providerBondMin);
    const registration = { authorizer: provider.id, endpoint: '', bond };
    expect(town.block(1, world.tx('provider_register', provider, registration))).toEqual([]);
    town.block(1, world.tx('provider_unbond', provider, {}));
    const withdraw = () => world.tx('bond_withdraw', town.stranger, { provider: provider.id });
    expect(town.block(hourMs, withdraw())).toEqual(['PROVIDER_BOND_LOCKED']);
    town.live(catchUpMs + 2 * voteMs - 1);
    expect(town.block(1, withdraw())).toEqual([]);
  });

  it('halts in the time to catch up are one with the halt before', () => {
    const { world, block, live } = createTown();
    const beganMs = world.head().header.timeMs;
    block(hourMs);
    const { resumedHeight } = standstillIn(world) ?? {};
    block(4_000);
    const untilMs = world.head().header.timeMs + catchUpMs;
    expect(standstillIn(world)).toEqual({ beganMs, untilMs, resumedHeight });
    live(catchUpMs);
    block(4_000);
    expect(standstillIn(world)?.beganMs).toBe(untilMs);
    expect(auditFunds(world.state).problems).toEqual([]);
  });

  it('of the networks that begin now wait', () => {
    expect(devnetParams.catchUpBeats).toBe(6);
  });
});
