import { type Hex, limits, type SignedTx, signStakeProof } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { auditFunds } from '../audit.ts';
import { encodeEntry, keyOf, type ValidatorState } from '../entries.ts';
import { validatorsOfState } from '../epoch/validator-set.ts';
import { supplyOf } from '../genesis.ts';
import { accountOf, burnedOf, validatorOf } from '../state.ts';
import {
  type Actor,
  actorOf,
  createWorld,
  doubleVoteOf,
  validatorActor,
  type World,
  worldParams,
} from '../testing/world.ts';

const min = 1_000n;
const params = {
  ...worldParams,
  validatorStakeMin: min.toString(),
  epochBlocks: 3,
  stakeUnbondingMs: 5_000,
};
const [alice, bob] = [actorOf(1), actorOf(2)];
const fresh = actorOf(210);

/** Four validators of the smallest stake of a devnet; alice owns the first and the fourth. */
const makeWorld = (count = 4) => createWorld(3, params, count);

function step(world: World, ...txs: SignedTx[]): void {
  const block = world.build(txs);
  expect(block.refused).toStrictEqual([]);
  world.commit(block);
}

function codeOf(world: World, tx: SignedTx): string | undefined {
  return world.build([tx]).refused[0]?.code;
}

function bond(world: World, stake: bigint, { owner = alice, key = fresh } = {}): SignedTx {
  const keySignature = signStakeProof(world.network, owner.id, key.secretKey);
  return world.tx('validator_bond', owner, { validator: key.id, stake, keySignature });
}

const unbond = (world: World, amount: bigint, { owner = alice, key = fresh } = {}) =>
  world.tx('validator_unbond', owner, { validator: key.id, amount });
const withdraw = (world: World, key: Actor = fresh) =>
  world.tx('stake_withdraw', bob, { validator: key.id });
const unjail = (world: World, key: Actor, owner: Actor) =>
  world.tx('validator_unjail', owner, { validator: key.id });
const accuse = (world: World, key: Actor, sender: Actor = bob) =>
  world.tx('evidence_submit', sender, doubleVoteOf(world.network, key, { epoch: 0, view: 2 }));

const seats = (world: World): Hex[] => validatorsOfState(world.reader).map((row) => row.publicKey);
const entry = (world: World, key: Actor) => validatorOf(world.reader, key.id) as ValidatorState;

/** Ends the present epoch. */
function endEpoch(world: World): void {
  do step(world);
  while (world.head().header.height % params.epochBlocks !== 0);
}

describe('a bond', () => {
  it('comes from the balance of its owner and counts in the next epoch', () => {
    const world = makeWorld();
    const before = accountOf(world.reader, alice.id).balance;
    step(world, bond(world, min));
    expect(accountOf(world.reader, alice.id).balance).toBe(before - min - 10_000n);
    expect(entry(world, fresh)).toMatchObject({ owner: alice.id, stake: min, slashed: false });
    expect(seats(world)).not.toContain(fresh.id);
    const { validatorsHash } = world.head().header;
    endEpoch(world);
    const last = world.head().header;
    expect(seats(world).at(-1)).toBe(fresh.id); // the least stake of five
    expect(last.validatorsHash).toBe(validatorsHash);
    expect(last.nextValidatorsHash).not.toBe(validatorsHash);
    step(world, bond(world, 5n * min));
    expect(world.head().header.validatorsHash).toBe(last.nextValidatorsHash);
    expect(entry(world, fresh).stake).toBe(6n * min);
  });

  it('is refused below the smallest stake, at zero, above the balance and for a key that cannot sign', () => {
    const world = makeWorld();
    expect(codeOf(world, bond(world, min - 1n))).toBe('STAKE_LOW');
    expect(codeOf(world, bond(world, 0n))).toBe('TX_AMOUNT_ZERO');
    expect(codeOf(world, bond(world, 2n ** 63n))).toBe('TX_FUNDS_INSUFFICIENT');
    const body = { validator: '00'.repeat(32), stake: min, keySignature: '00'.repeat(64) };
    expect(codeOf(world, world.tx('validator_bond', alice, body))).toBe('KEY_INVALID');
  });

  it('needs the signature of the validator key over this owner', () => {
    const world = makeWorld();
    const keySignature = signStakeProof(world.network, bob.id, fresh.secretKey);
    const body = { validator: fresh.id, stake: min, keySignature };
    expect(codeOf(world, world.tx('validator_bond', alice, body))).toBe('TX_SIGNATURE_INVALID');
    expect(codeOf(world, world.tx('validator_bond', bob, body))).toBeUndefined();
  });

  it('belongs to the owner that was first', () => {
    const world = makeWorld();
    step(world, bond(world, min));
    expect(codeOf(world, bond(world, min, { owner: bob }))).toBe('VALIDATOR_NOT_OWNER');
    expect(codeOf(world, unbond(world, 1n, { owner: bob }))).toBe('VALIDATOR_NOT_OWNER');
    expect(codeOf(world, unjail(world, fresh, bob))).toBe('VALIDATOR_NOT_OWNER');
  });

  it('takes the place of the weakest candidate when the roster is full, or is refused', () => {
    const world = makeWorld();
    const keys = Array.from({ length: limits.stakeCandidates }, (_, at) => ({
      validator: at.toString(16).padStart(64, '0'),
    }));
    for (const [at, { validator }] of keys.entries()) {
      const stake = at === 7 ? 2n * min : 3n * min;
      const row = { ...entry(world, validatorActor(0)), stake };
      world.state.set(keyOf('validator', validator), encodeEntry('validator', row));
    }
    world.state.set(keyOf('roster', '00'.repeat(32)), encodeEntry('roster', { keys }));
    expect(codeOf(world, bond(world, 2n * min))).toBe('STAKE_LOW');
    const block = world.build([bond(world, 2n * min + 1n)]);
    expect(block.refused).toStrictEqual([]);
    const written = block.writes.get(keyOf('roster', '00'.repeat(32)));
    keys[7] = { validator: fresh.id };
    expect(written).toStrictEqual(encodeEntry('roster', { keys }));
  });
});

describe('what is unbonded', () => {
  it('waits, then goes to the owner by anyone, and leaves the set with the epoch', () => {
    const world = makeWorld();
    step(world, bond(world, 3n * min));
    endEpoch(world);
    step(world, unbond(world, min));
    const dueMs = world.head().header.timeMs + params.stakeUnbondingMs;
    const expected = { stake: 2n * min, leaving: min, leavingDueMs: dueMs };
    expect(entry(world, fresh)).toMatchObject(expected);
    expect(codeOf(world, withdraw(world))).toBe('STAKE_LOCKED');
    step(world, unbond(world, 2n * min));
    expect(entry(world, fresh)).toMatchObject({ stake: 0n, leaving: 3n * min });
    expect(seats(world)).toContain(fresh.id);
    endEpoch(world);
    expect(seats(world)).not.toContain(fresh.id);
    world.advance(params.stakeUnbondingMs);
    const before = accountOf(world.reader, alice.id).balance;
    step(world, withdraw(world));
    expect(accountOf(world.reader, alice.id).balance).toBe(before + 3n * min);
    expect(entry(world, fresh)).toMatchObject({ leaving: 0n, leavingDueMs: 0 });
    expect(codeOf(world, withdraw(world))).toBe('STAKE_LOCKED');
  });

  it('is at most the stake, above zero, and of a validator that exists', () => {
    const world = makeWorld();
    step(world, bond(world, min));
    expect(codeOf(world, unbond(world, min + 1n))).toBe('TX_FUNDS_INSUFFICIENT');
    expect(codeOf(world, unbond(world, 0n))).toBe('TX_AMOUNT_ZERO');
    const nobody = actorOf(240);
    for (const tx of [
      unbond(world, 1n, { key: nobody }),
      withdraw(world, nobody),
      unjail(world, nobody, alice),
      accuse(world, nobody),
    ]) {
      expect(codeOf(world, tx), tx.kind).toBe('VALIDATOR_UNKNOWN');
    }
  });
});

describe('the next set', () => {
  it('is ordered by stake and then by key, and stays while nobody may follow', () => {
    const world = makeWorld(2);
    const genesisSeats = [validatorActor(0).id, validatorActor(1).id].toSorted();
    expect(seats(world)).toStrictEqual(genesisSeats);
    step(world, bond(world, min));
    endEpoch(world);
    expect(seats(world)).toStrictEqual([...genesisSeats, fresh.id]);
    for (const key of seats(world)) {
      const { owner, stake } = validatorOf(world.reader, key) as ValidatorState;
      const sender = world.actors.find(({ id }) => id === owner) as Actor;
      step(world, world.tx('validator_unbond', sender, { validator: key, amount: stake }));
    }
    const before = seats(world);
    endEpoch(world);
    expect(seats(world)).toStrictEqual(before);
  });
});

describe('evidence', () => {
  it('takes a part of stake and of what leaves, rewards the sender, burns the rest, and is for ever', () => {
    const world = makeWorld();
    const guilty = validatorActor(0);
    const stake = BigInt(worldParams.validatorStakeMin);
    step(world, unbond(world, stake / 2n, { key: guilty }));
    const before = accountOf(world.reader, bob.id).balance;
    const tx = accuse(world, guilty);
    const block = world.build([tx]);
    expect(block.header.evidenceRoot).toBe(block.header.txRoot);
    world.commit(block);
    const loss = (stake * 500n) / 10_000n;
    const reward = (loss * 500n) / 10_000n;
    expect(accountOf(world.reader, bob.id).balance).toBe(before - 10_000n + reward);
    expect(burnedOf(world.reader)).toBe(loss - reward);
    const left = stake / 2n - loss / 2n;
    expect(entry(world, guilty)).toMatchObject({ stake: left, leaving: left, slashed: true });
    const audit = auditFunds(world.state);
    expect(audit).toMatchObject({ burned: loss - reward, problems: [] });
    expect(audit.supply + audit.burned).toBe(supplyOf(world.genesis));
    expect(codeOf(world, accuse(world, guilty, alice))).toBe('VALIDATOR_SLASHED');
    expect(codeOf(world, bond(world, min, { key: guilty }))).toBe('VALIDATOR_SLASHED');
    expect(codeOf(world, unjail(world, guilty, alice))).toBe('VALIDATOR_SLASHED');
    expect(seats(world)).toContain(guilty.id);
    endEpoch(world);
    expect(seats(world)).not.toContain(guilty.id);
    step(world, unbond(world, left, { key: guilty }));
    world.advance(params.stakeUnbondingMs);
    step(world, withdraw(world, guilty));
  });

  it('adds to what was burned before', () => {
    const world = makeWorld();
    step(world, accuse(world, validatorActor(0)));
    const once = burnedOf(world.reader);
    step(world, accuse(world, validatorActor(1)));
    expect(burnedOf(world.reader)).toBe(2n * once);
  });

  it('is refused when it proves nothing or comes after the stake is gone', () => {
    const world = makeWorld();
    const body = doubleVoteOf(world.network, validatorActor(0), { epoch: 0, view: 2 });
    for (const changes of [
      { secondHash: body.firstHash },
      { view: 3 },
      { validator: validatorActor(1).id },
      { secondKind: 'nullify' as const },
    ]) {
      const tx = world.tx('evidence_submit', bob, { ...body, ...changes });
      expect(codeOf(world, tx)).toBe('EVIDENCE_INVALID');
    }
    const broken = world.tx('evidence_submit', bob, { ...body, validator: '00'.repeat(32) });
    expect(codeOf(world, broken)).toBe('KEY_INVALID');
    step(world, bond(world, min));
    step(world, unbond(world, min));
    world.advance(params.stakeUnbondingMs);
    step(world, withdraw(world));
    expect(codeOf(world, accuse(world, fresh))).toBe('EVIDENCE_INVALID');
  });
});
