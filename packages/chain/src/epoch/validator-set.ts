/**
 * The validator set: who votes in an epoch, in an order that is the same everywhere (more stake first,
 * then the smaller key). It stands in one entry, so that a node reads it without walking the validators.
 *
 * The next set is chosen from the roster: an entry with the keys of those that have the smallest stake or
 * more. The roster is bounded; when it is full, a newcomer needs more stake than its weakest member and
 * takes that one's place. See docs/spec/chain.md, "Validator sets".
 */
import { amountFromText, amountMax, equalBytes } from '@aitbc/primitives';
import {
  AppError,
  accept,
  type ChainParams,
  createSchedule,
  type Hex,
  type LeaderOf,
  limits,
  type Network,
  refuse,
  type Validator,
  type Verdict,
  validatorsHashOf,
  zeroHash,
} from '@aitbc/protocol';
import { decodeEntry, keyOf } from '../entries.ts';
import { type Overlay, type StateReader, validatorOf } from '../state.ts';

/** A set with what follows from it. */
export interface ValidatorSet {
  readonly validators: readonly Validator[];
  readonly hash: Hex;
  /** Index of the leader of a view. */
  readonly leaderOf: LeaderOf;
}

interface CachedSet {
  readonly bytes: Uint8Array;
  readonly set: ValidatorSet;
}

const setKey = keyOf('valset', zeroHash);
const cachedSets = 4; // the present set, the next, and those of pending blocks around an epoch's end
const setCache = new WeakMap<Network, CachedSet[]>();

/** Validators of the block after this state, in the order of their votes. */
export function validatorsOfState(reader: StateReader): readonly Validator[] {
  return decodeEntry('valset', zeroHash, setBytesOf(reader)).members;
}

/** Set of the block after this state; the newest ones are kept, because a schedule takes time to make. */
export function validatorSetOf(network: Network, reader: StateReader): ValidatorSet {
  const bytes = setBytesOf(reader);
  const cached = setCache.get(network) ?? [];
  const known = cached.find((row) => equalBytes(row.bytes, bytes));
  if (known) return known.set;
  const validators = decodeEntry('valset', zeroHash, bytes).members;
  const set: ValidatorSet = {
    validators,
    hash: validatorsHashOf(network, validators),
    leaderOf: createSchedule(validators),
  };
  setCache.set(network, [{ bytes, set }, ...cached.slice(0, cachedSets - 1)]);
  return set;
}

function setBytesOf(reader: StateReader): Uint8Array {
  const bytes = reader.get(setKey);
  if (bytes) return bytes;
  throw new AppError('STORE_CORRUPT', { what: 'the state', reason: 'it has no validator set' });
}

/** The order of a set: more stake first, then the smaller key. */
export function compareSeats(a: Validator, b: Validator): number {
  if (a.stake !== b.stake) return a.stake > b.stake ? -1 : 1;
  return a.publicKey < b.publicKey ? -1 : 1;
}

/** Writes the set of the next epoch: after the last transaction of an epoch. */
export function chooseNextSet(overlay: Overlay, params: ChainParams): void {
  const stakeMin = stakeMinOf(params);
  const seats: { publicKey: Hex; stake: bigint }[] = [];
  for (const publicKey of rosterOf(overlay)) {
    const found = validatorOf(overlay, publicKey);
    if (!found || found.slashed || found.jailedUntilMs > 0 || found.stake < stakeMin) continue;
    seats.push({ publicKey, stake: found.stake });
  }
  const members = seats.sort(compareSeats).slice(0, limits.validators);
  // With nobody left the present ones go on: the alternative is a chain without blocks.
  if (members.length === 0 || sameSeats(members, validatorsOfState(overlay))) return;
  overlay.put('valset', zeroHash, { members });
}

function sameSeats(a: readonly Validator[], b: readonly Validator[]): boolean {
  const isSame = ({ publicKey, stake }: Validator, at: number) =>
    publicKey === b[at]?.publicKey && stake === b[at].stake;
  return a.length === b.length && a.every(isSame);
}

/** Smallest stake of a validator, nait. */
export function stakeMinOf({ validatorStakeMin }: ChainParams): bigint {
  return amountFromText(validatorStakeMin) ?? amountMax;
}

function rosterOf(overlay: Overlay): readonly Hex[] {
  const roster = overlay.entry('roster', zeroHash);
  return roster ? roster.keys.map(({ validator }) => validator) : [];
}

function putRoster(overlay: Overlay, keys: readonly Hex[]): void {
  overlay.put('roster', zeroHash, { keys: keys.map((validator) => ({ validator })) });
}

/** Puts a validator on the roster. Refusal: STAKE_LOW when it is full of stronger ones. */
export function enterRoster(overlay: Overlay, { publicKey, stake }: Validator): Verdict<true> {
  const roster = rosterOf(overlay);
  if (roster.includes(publicKey)) return accept(true);
  if (roster.length < limits.stakeCandidates) {
    putRoster(overlay, [...roster, publicKey]);
    return accept(true);
  }
  const stakeOf = (key: Hex) => validatorOf(overlay, key)?.stake ?? 0n;
  const seats = roster.map((key) => ({ publicKey: key, stake: stakeOf(key) }));
  const weakest = seats.sort(compareSeats).at(-1) as Validator;
  if (stake <= weakest.stake) {
    return refuse('STAKE_LOW', { got: stake, expected: weakest.stake + 1n });
  }
  putRoster(
    overlay,
    roster.map((key) => (key === weakest.publicKey ? publicKey : key)),
  );
  return accept(true);
}

/** Takes a validator off the roster, if it is there. */
export function leaveRoster(overlay: Overlay, publicKey: Hex): void {
  const roster = rosterOf(overlay);
  if (roster.includes(publicKey)) {
    putRoster(
      overlay,
      roster.filter((key) => key !== publicKey),
    );
  }
}
