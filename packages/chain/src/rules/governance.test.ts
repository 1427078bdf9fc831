import { type AppError, devnetParams, type SignedTx, txKinds } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { checkBlock } from '../block.ts';
import { encodeEntry, keyOf } from '../entries.ts';
import { epochOf, lastHeightOf } from '../epoch/epochs.ts';
import { paramsOf } from '../epoch/overrides.ts';
import { checkVersion, protocolVersion, upgradeAt, versionAt } from '../epoch/version.ts';
import {
  type Actor,
  createWorld,
  validatorActor,
  type World,
  worldParams,
} from '../testing/world.ts';

const params = { ...worldParams, epochBlocks: 4 };
const makeWorld = () => createWorld(4, params, 4);
const ownerOf = (world: World, at: number) => world.actors[at] as Actor;

function step(world: World, ...txs: SignedTx[]): void {
  const block = world.build(txs);
  expect(block.refused).toStrictEqual([]);
  world.commit(block);
}

const codeOf = (world: World, tx: SignedTx) => world.build([tx]).refused[0]?.code;

function vote(world: World, at: number, changes: object = {}): SignedTx {
  const body = { validator: validatorActor(at).id, name: 'fees.transfer', value: '20000' };
  return world.tx('param_vote', ownerOf(world, at), { ...body, untilHeight: 50, ...changes });
}

function signal(world: World, at: number, changes: object = {}): SignedTx {
  const body = { validator: validatorActor(at).id, version: 2, height: 9 };
  return world.tx('upgrade_signal', ownerOf(world, at), { ...body, ...changes });
}

const pay = (world: World, fee: bigint) => {
  const [from, to] = [ownerOf(world, 0), ownerOf(world, 1)];
  const tx = world.tx('transfer', from, { to: to.id, amount: 1n, memo: '' });
  return world.sign(from, { ...tx, fee } as SignedTx);
};
const inForce = (world: World) => paramsOf(world.reader, params);

describe('epochs', () => {
  it('are runs of heights from 1 on; the genesis block belongs to the first', () => {
    expect([0, 1, 4, 5, 8, 9].map((height) => epochOf(params, height))).toStrictEqual([
      0, 0, 0, 1, 1, 2,
    ]);
    expect([0, 1].map((epoch) => lastHeightOf(params, epoch))).toStrictEqual([4, 8]);
  });

  it('number their views from 1', () => {
    const world = makeWorld();
    const views = Array.from({ length: 6 }, () => {
      step(world);
      const { epoch, view } = world.head().header;
      return [epoch, view];
    });
    expect(views).toStrictEqual([
      [0, 1],
      [0, 2],
      [0, 3],
      [0, 4],
      [1, 1],
      [1, 2],
    ]);
  });
});

describe('a vote on a parameter', () => {
  it('takes effect with the first block of the next epoch once a quorum has voted', () => {
    const world = makeWorld();
    step(world, vote(world, 0), vote(world, 1));
    step(world, vote(world, 2)); // three of four equal stakes
    expect(inForce(world)).toBe(params);
    step(world);
    const last = world.build([pay(world, 10_000n)]);
    expect(last.refused).toStrictEqual([]);
    world.commit(last);
    expect(world.head().header.height).toBe(4);
    expect(inForce(world).fees.transfer).toBe('20000');
    expect(inForce(world)).toBe(inForce(world));
    expect(codeOf(world, pay(world, 19_999n))).toBe('TX_FEE_TOO_LOW');
    expect(codeOf(world, pay(world, 20_000n))).toBeUndefined();
  });

  it('has no effect without a quorum', () => {
    const world = makeWorld();
    step(world, vote(world, 0), vote(world, 1));
    for (let block = 0; block < 4; block += 1) step(world);
    expect(inForce(world)).toBe(params);
  });

  it('lets a later vote replace an earlier one', () => {
    const world = makeWorld();
    const arm = (value: string) => {
      step(world, ...[0, 1, 2].map((at) => vote(world, at, { value })));
      while (world.head().header.height % params.epochBlocks !== 0) step(world);
      return inForce(world).fees.transfer;
    };
    expect([arm('11000'), arm('9000')]).toStrictEqual(['11000', '9000']);
    const both = [...[0, 1, 2].map((at) => vote(world, at, { name: 'jailMs', value: '7' }))];
    step(world, ...both);
    while (world.head().header.height % params.epochBlocks !== 0) step(world);
    expect(inForce(world)).toStrictEqual({
      ...params,
      jailMs: 7,
      fees: { ...params.fees, transfer: '9000' },
    });
  });

  it('drops an armed change that contradicts another of the same epoch', () => {
    const world = makeWorld();
    step(world, ...[0, 1, 2].map((at) => vote(world, at, { name: 'hopMaxMs', value: '200' })));
    step(world, ...[0, 1, 2].map((at) => vote(world, at, { name: 'hopMinMs', value: '300' })));
    step(world);
    step(world);
    expect(inForce(world)).toMatchObject({ hopMinMs: params.hopMinMs, hopMaxMs: 200 });
  });

  it.each([
    ['an unknown name', { name: 'gasLimit' }],
    ['a fee of an unknown kind', { name: 'fees.gift' }],
    ['an inherited name', { name: 'fees.toString' }],
    ['the length of epochs', { name: 'epochBlocks', value: '5' }],
    ['a fee that is no amount', { value: '-1' }],
    ['an amount with a zero in front', { name: 'feePerRow', value: '01' }],
    ['a time that is no number', { name: 'jailMs', value: '1e3' }],
    ['a part above the whole', { name: 'equivocationSlashBps', value: '10001' }],
    ['bounds that cross', { name: 'hopMinMs', value: `${devnetParams.hopMaxMs + 1}` }],
  ])('is refused for %s', (_, changes) => {
    const world = makeWorld();
    expect(codeOf(world, vote(world, 0, changes))).toBe('PARAM_INVALID');
  });

  it('is refused twice, too late, when it is armed, by a stranger and outside the set', () => {
    const world = makeWorld();
    step(world, vote(world, 0));
    expect(codeOf(world, vote(world, 0))).toBe('PROPOSAL_VOTED');
    expect(codeOf(world, vote(world, 1, { untilHeight: 1 }))).toBe('PROPOSAL_EXPIRED');
    expect(codeOf(world, vote(world, 1, { validator: validatorActor(2).id }))).toBe(
      'VALIDATOR_NOT_OWNER',
    );
    expect(codeOf(world, vote(world, 1, { validator: validatorActor(9).id }))).toBe(
      'VALIDATOR_UNKNOWN',
    );
    step(world, vote(world, 1), vote(world, 2));
    expect(codeOf(world, vote(world, 3))).toBe('PROPOSAL_ARMED');
    const members = [{ publicKey: validatorActor(1).id, stake: 5n }];
    world.state.set(keyOf('valset', '00'.repeat(32)), encodeEntry('valset', { members }));
    const late = vote(world, 0, { value: '3' });
    expect(codeOf(world, late)).toBe('VALIDATOR_NOT_IN_SET');
  });

  it('counts only voters that are still in the set', () => {
    const world = makeWorld();
    step(world, vote(world, 0), vote(world, 1));
    const members = [2, 3, 1].map((at) => ({ publicKey: validatorActor(at).id, stake: 5n }));
    world.state.set(keyOf('valset', '00'.repeat(32)), encodeEntry('valset', { members }));
    const block = world.build([vote(world, 2), vote(world, 3)]);
    expect(block.refused).toStrictEqual([]); // two of three are no quorum, three are
    expect(block.writes.has(keyOf('overrides', '00'.repeat(32)))).toBe(true);
    const two = world.build([vote(world, 2)]);
    expect(two.writes.has(keyOf('overrides', '00'.repeat(32)))).toBe(false);
  });

  it('knows every parameter by a name that fits', () => {
    const names = [
      ...Object.keys(txKinds).map((kind) => `fees.${kind}`),
      ...Object.keys(devnetParams).filter((name) => name !== 'fees' && name !== 'epochBlocks'),
    ];
    const world = makeWorld();
    for (const name of names) {
      const value = name === 'hopMaxMs' ? '400' : '120';
      expect(codeOf(world, vote(world, 0, { name, value })), name).toBeUndefined();
    }
  });
});

describe('an upgrade', () => {
  it('stops a program that does not know the version before its first block', () => {
    const world = makeWorld();
    step(world, signal(world, 0), signal(world, 1));
    expect(upgradeAt(world.reader)).toBeUndefined();
    step(world, signal(world, 2));
    expect(upgradeAt(world.reader)).toStrictEqual({ present: 1, next: 2, height: 9 });
    expect([8, 9].map((height) => versionAt(world.reader, height))).toStrictEqual([1, 2]);
    while (world.head().header.height < 8) step(world);
    const facts = { height: 9, version: 2, known: protocolVersion };
    expect(checkVersion(world.reader, 9)).toMatchObject({ code: 'CHAIN_UPGRADE_NEEDED', facts });
    expect(() => world.build([])).toThrow(
      expect.objectContaining({ code: 'CHAIN_UPGRADE_NEEDED' }) as AppError,
    );
    const other = makeWorld();
    const block = other.build([]);
    const { header, hash, txs } = block;
    expect(checkBlock({ ...world.ground(), header, hash, txs })).toMatchObject({
      ok: false,
      code: 'CHAIN_UPGRADE_NEEDED',
    });
  });

  it('is refused for a version that is not newer, too soon, and while another waits', () => {
    const world = makeWorld();
    expect(codeOf(world, signal(world, 0, { version: 1 }))).toBe('UPGRADE_INVALID');
    expect(codeOf(world, signal(world, 0, { height: 4 }))).toBe('UPGRADE_INVALID');
    step(world, ...[0, 1, 2].map((at) => signal(world, at)));
    expect(codeOf(world, signal(world, 3, { version: 3, height: 20 }))).toBe('UPGRADE_INVALID');
  });
});
