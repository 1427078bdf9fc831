import { limits } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import type { ValidatorState } from '../entries.ts';
import { accountOf, validatorOf } from '../state.ts';
import { actorOf, createWorld, type World, worldParams } from '../testing/world.ts';
import { validatorSetOf, validatorsOfState } from './validator-set.ts';

const params = { ...worldParams, epochBlocks: 4, missedViewsMax: 3, jailMs: 10_000 };
const makeWorld = (count = 4) => createWorld(4, params, count);

const missed = (world: World) =>
  validatorsOfState(world.reader).map(({ publicKey }) => {
    return (validatorOf(world.reader, publicKey) as ValidatorState).missedViews;
  });

describe('skipped views', () => {
  it('count against their leaders, and a block counts for its proposer', () => {
    const world = makeWorld();
    const { leaderOf } = validatorSetOf(world.network, world.reader);
    expect([1, 2, 3, 4, 5].map(leaderOf)).toStrictEqual([1, 2, 3, 0, 1]);
    world.commit(world.build([], 2)); // views 1 and 2 are skipped, 3 gives the block
    expect(world.head().header.view).toBe(3);
    expect(missed(world)).toStrictEqual([0, 1, 1, 0]);
    world.commit(world.build([], 1)); // view 4 is skipped, validator 1 leads view 5
    expect(missed(world)).toStrictEqual([1, 0, 1, 0]);
  });

  it('write nothing when nothing was skipped', () => {
    expect(makeWorld().build([]).writes.size).toBe(0);
  });

  it('begin again at view 1 with each epoch', () => {
    const world = makeWorld();
    for (let block = 0; block < 4; block += 1) world.commit(world.build([]));
    expect(missed(world)).toStrictEqual([0, 0, 0, 0]);
    world.commit(world.build([], 1));
    expect(world.head().header).toMatchObject({ epoch: 1, view: 2 });
    expect(missed(world)).toStrictEqual([0, 1, 0, 0]);
  });

  it('never jail the validator that goes on alone', () => {
    const world = makeWorld(1);
    world.commit(world.build([], 50));
    expect(missed(world)).toStrictEqual([0]);
    expect(validatorOf(world.reader, world.proposer.id)?.jailedUntilMs).toBe(0);
  });

  it('are counted up to a bound for each block', () => {
    const world = makeWorld();
    world.commit(world.build([], 100_000));
    const total = missed(world).reduce((sum, views) => sum + views, 0);
    expect(total).toBe((limits.missedViewsPerBlock * 3) / 4); // those of the proposer are forgotten
  });
});

describe('jail', () => {
  it('takes a validator out of the next set until its owner asks, after the time', () => {
    const world = makeWorld();
    const key = validatorsOfState(world.reader)[1]?.publicKey as string;
    const entry = () => validatorOf(world.reader, key) as ValidatorState;
    const owner = world.actors.find(({ id }) => id === entry().owner) ?? actorOf(1);
    const unjail = () => world.build([world.tx('validator_unjail', owner, { validator: key })]);
    expect(unjail().refused[0]?.code).toBe('VALIDATOR_NOT_JAILED');
    world.commit(world.build([], 1)); // view 1; then 5 and 9 are those of validator 1
    world.commit(world.build([], 3));
    expect(entry()).toMatchObject({ missedViews: 2, jailedUntilMs: 0 });
    world.commit(world.build([], 3));
    const { timeMs } = world.head().header;
    expect(entry()).toMatchObject({ missedViews: 3, jailedUntilMs: timeMs + params.jailMs });
    expect(unjail().refused[0]?.code).toBe('VALIDATOR_JAILED');
    expect(validatorsOfState(world.reader)).toHaveLength(4);
    world.commit(world.build([]));
    const keys = validatorsOfState(world.reader).map(({ publicKey }) => publicKey);
    expect(keys).toHaveLength(3);
    expect(keys).not.toContain(key);
    world.advance(params.jailMs);
    const before = accountOf(world.reader, owner.id).nonce;
    world.commit(unjail());
    expect(accountOf(world.reader, owner.id).nonce).toBe(before + 1);
    expect(entry()).toMatchObject({ missedViews: 0, jailedUntilMs: 0 });
    while (world.head().header.height % params.epochBlocks !== 0) world.commit(world.build([]));
    expect(validatorsOfState(world.reader)).toHaveLength(4);
  });

  it('is not longer for a validator that misses more while it is in it', () => {
    const world = makeWorld();
    const key = validatorsOfState(world.reader)[1]?.publicKey as string;
    world.commit(world.build([], 9));
    const until = validatorOf(world.reader, key)?.jailedUntilMs;
    world.commit(world.build([], 4));
    expect(validatorOf(world.reader, key)).toMatchObject({ jailedUntilMs: until });
  });
});
