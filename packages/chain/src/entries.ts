/**
 * Entries: what the ledger remembers, one record for each key, and its canonical bytes.
 *
 * A key is one letter for the kind and the 64 hex digits of an id: `a` account, `c` channel, `g` agent,
 * `p` provider, `l` lane, `x` expiring, `m` mandate, `t` task,
 * `v` validator, `s` validator set, `r` roster, `n` burned coins, `q` proposal, `o` parameters, `u` upgrade,
 * `w` audit, `j` jury, `d` docket, `k` conviction, `f` former key, `y` stand-still, `h` shared account (who holds it), `i` proposal of
 * one (what is intended). Its bytes are the letter in ASCII and the 32 bytes of the id; the order of the texts is
 * the order of the bytes. A value is the field table below, nothing in front and nothing behind.
 *
 * An account carries its vault: the money its owner set aside for channels but did not allocate yet. An
 * account that was never written has zeros. A channel is never deleted: closed, it is a tombstone, so that
 * its id cannot come back and make an old voucher collectable. See docs/spec/chain.md, "State".
 */
import { createReader, createWriter, DecodeError, isAmount } from '@aitbc/primitives';
import {
  AppError,
  accountFields,
  type ChannelState,
  channelConfigFields,
  type Fields,
  field,
  type Hex,
  limits,
  type RecordOf,
  readRecord,
  writeRecord,
} from '@aitbc/protocol';
import { type AuditEntries, auditTables } from './audit-entries.ts';
import { type MultisigEntries, multisigTables } from './multisig-entries.ts';
import { flag, type WorkEntries, workTables } from './work-entries.ts';

/** Kind letter and id of an entry. */
export type StateKey = string;

/** Kinds of entries. */
export type EntryKind = keyof Entries;

const channelFields = {
  ...channelConfigFields,
  balance: field.amount,
  totalClaimed: field.amount,
  withdrawAmount: field.amount,
  withdrawDueMs: field.count,
  refundNonce: field.count,
  closed: flag,
} as const satisfies Fields;

const agentFields = {
  name: field.text(limits.nameBytes),
  endpoint: field.text(limits.endpointBytes),
  cardHash: field.hash,
} as const satisfies Fields;

const providerFields = {
  authorizer: field.key,
  endpoint: field.text(limits.endpointBytes),
  bond: field.amount,
  unbondDueMs: field.count,
} as const satisfies Fields;

const validatorFields = {
  owner: field.account,
  stake: field.amount,
  leaving: field.amount,
  leavingDueMs: field.count,
  jailedUntilMs: field.count,
  missedViews: field.count,
  slashed: flag,
} as const satisfies Fields;

const seatFields = { publicKey: field.key, stake: field.amount } as const satisfies Fields;
const validatorRow = { validator: field.key } as const satisfies Fields;
const changeFields = {
  name: field.text(limits.paramNameBytes),
  value: field.text(limits.paramValueBytes),
} as const satisfies Fields;
const changesMax = 256; // more than there are parameters; each stands in a list once

const proposalFields = {
  ...changeFields,
  untilHeight: field.count,
  voters: field.list(validatorRow, limits.validators),
  armed: flag,
} as const satisfies Fields;

const overridesFields = {
  present: field.list(changeFields, changesMax),
  armed: field.list(changeFields, changesMax),
} as const satisfies Fields;

const upgradeFields = {
  present: field.u16,
  next: field.u16,
  height: field.count,
} as const satisfies Fields;

const standstillFields = {
  beganMs: field.count,
  untilMs: field.count,
  resumedHeight: field.count,
} as const satisfies Fields;

const tables = {
  account: { letter: 'a', fields: accountFields },
  channel: { letter: 'c', fields: channelFields },
  agent: { letter: 'g', fields: agentFields },
  provider: { letter: 'p', fields: providerFields },
  validator: { letter: 'v', fields: validatorFields },
  valset: { letter: 's', fields: { members: field.list(seatFields, limits.validators) } },
  roster: { letter: 'r', fields: { keys: field.list(validatorRow, limits.stakeCandidates) } },
  burned: { letter: 'n', fields: { amount: field.amount } },
  proposal: { letter: 'q', fields: proposalFields },
  overrides: { letter: 'o', fields: overridesFields },
  upgrade: { letter: 'u', fields: upgradeFields },
  standstill: { letter: 'y', fields: standstillFields },
  ...workTables,
  ...auditTables,
  ...multisigTables,
} as const satisfies Record<EntryKind, { letter: string; fields: Fields }>;

/** Balances of an account in nait; `nonce` is the nonce of its next transaction. */
export type AccountState = Readonly<RecordOf<typeof accountFields>>;

/** Identity card of an agent. */
export type AgentState = Readonly<RecordOf<typeof agentFields>>;

/** Registration of a provider; `bond` in nait, `unbondDueMs` in chain time, 0 while it is bonded. */
export type ProviderState = Readonly<RecordOf<typeof providerFields>>;

/**
 * A validator: stake and what is on its way out in nait, dates in chain time, 0 for none. `missedViews` in a
 * row; `slashed` is for ever.
 */
export type ValidatorState = Readonly<RecordOf<typeof validatorFields>>;

/** Version of the rules: `present` below the height, `next` from it on. */
export type UpgradeState = Readonly<RecordOf<typeof upgradeFields>>;

/**
 * The last time that the chain stood still: the time of the block before, the end of the time to catch up, and the
 * height of the block after; of several close together, beginning and height of the first and the end of the last.
 */
export type StandstillState = Readonly<RecordOf<typeof standstillFields>>;

type Change = Readonly<RecordOf<typeof changeFields>>;
type ValidatorRows = readonly Readonly<RecordOf<typeof validatorRow>>[];

/** Something voted on and who did. */
export interface ProposalState extends Change {
  readonly untilHeight: number;
  readonly voters: ValidatorRows;
  readonly armed: boolean;
}

/** Record of each kind. */
export interface Entries extends WorkEntries, AuditEntries, MultisigEntries {
  readonly account: AccountState;
  readonly channel: ChannelState;
  readonly agent: AgentState;
  readonly provider: ProviderState;
  readonly validator: ValidatorState;
  readonly valset: { readonly members: readonly Readonly<RecordOf<typeof seatFields>>[] };
  readonly roster: { readonly keys: ValidatorRows };
  readonly burned: { readonly amount: bigint };
  readonly proposal: ProposalState;
  readonly overrides: { readonly present: readonly Change[]; readonly armed: readonly Change[] };
  readonly upgrade: UpgradeState;
  readonly standstill: StandstillState;
}

/** A decoded entry with its kind and id. */
export type AnyEntry = {
  [K in EntryKind]: { readonly kind: K; readonly id: Hex; readonly entry: Entries[K] };
}[EntryKind];

/** What an account that was never written holds. */
export const emptyAccount: AccountState = Object.freeze({ balance: 0n, nonce: 0, vault: 0n });

const kindByLetter = new Map<string, EntryKind>(
  Object.entries(tables).map(([kind, { letter }]) => [letter, kind as EntryKind]),
);
const keyPattern = /^[a-z][0-9a-f]{64}$/;

/** Key of the entry of a kind and id. */
export function keyOf(kind: EntryKind, id: Hex): StateKey {
  return tables[kind].letter + id;
}

/** Key of an account. */
export function accountKey(id: Hex): StateKey {
  return `a${id}`;
}

/** Key of a channel. */
export function channelKey(id: Hex): StateKey {
  return `c${id}`;
}

/** Key of an agent. */
export function agentKey(id: Hex): StateKey {
  return `g${id}`;
}

/** Key of a provider. */
export function providerKey(id: Hex): StateKey {
  return `p${id}`;
}

/** Kind and id of a key. Throws AppError STORE_CORRUPT for a text that is no key. */
export function partsOfKey(key: StateKey): { kind: EntryKind; id: Hex } {
  const kind = keyPattern.test(key) ? kindByLetter.get(key.charAt(0)) : undefined;
  if (!kind) {
    throw new AppError('STORE_CORRUPT', { what: 'the state', reason: `"${key}" is no key` });
  }
  return { kind, id: key.slice(1) };
}

const accountSizeBytes = 24;

/** Canonical bytes of an entry. Throws RangeError for a value that does not fit. */
export function encodeEntry<K extends EntryKind>(kind: K, entry: Entries[K]): Uint8Array {
  if (kind === 'account') return encodeAccount(entry as AccountState);
  const writer = createWriter();
  writeRecord(tables[kind].fields as Fields, writer, entry);
  return writer.finish();
}

/**
 * Each transfer moves two accounts, so they do not go through the field table; a test compares both. Plain
 * byte access instead of a DataView, because that moves each small array out of the young heap.
 */
function encodeAccount({ balance, nonce, vault }: AccountState): Uint8Array {
  if (!isAmount(balance) || !isAmount(vault)) throw new RangeError('an account is out of range');
  if (!Number.isSafeInteger(nonce) || nonce < 0) throw new RangeError(`${nonce} is no nonce`);
  const bytes = new Uint8Array(accountSizeBytes);
  putAmount(bytes, 0, balance);
  putHalves(bytes, 8, [Math.floor(nonce / two32), nonce % two32]);
  putAmount(bytes, 16, vault);
  return bytes;
}

/** The account, undefined when the bytes are none. */
function decodeAccount(bytes: Uint8Array): AccountState | undefined {
  if (bytes.length !== accountSizeBytes) return undefined;
  const nonce = halfAt(bytes, 8) * two32 + halfAt(bytes, 12);
  if (!Number.isSafeInteger(nonce)) return undefined;
  return { balance: amountAt(bytes, 0), nonce, vault: amountAt(bytes, 16) };
}

const two32 = 2 ** 32;

function putAmount(bytes: Uint8Array, at: number, value: bigint): void {
  if (value === 0n) return;
  putHalves(bytes, at, [Number(value >> 32n), Number(value & 0xffff_ffffn)]);
}

function putHalves(bytes: Uint8Array, at: number, [high, low]: readonly [number, number]): void {
  for (let byte = 0; byte < 4; byte += 1) {
    bytes[at + byte] = high >>> (24 - 8 * byte);
    bytes[at + 4 + byte] = low >>> (24 - 8 * byte);
  }
}

function amountAt(bytes: Uint8Array, at: number): bigint {
  const [high, low] = [halfAt(bytes, at), halfAt(bytes, at + 4)];
  const value = high * two32 + low;
  return Number.isSafeInteger(value) ? BigInt(value) : (BigInt(high) << 32n) | BigInt(low);
}

/** Four bytes as a number. */
function halfAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let byte = at; byte < at + 4; byte += 1) value = value * 256 + (bytes[byte] as number);
  return value;
}

/** Entry of its bytes. Throws AppError STORE_CORRUPT when they are not canonical. */
export function decodeEntry<K extends EntryKind>(kind: K, id: Hex, value: Uint8Array): Entries[K] {
  const account = kind === 'account' ? decodeAccount(value) : undefined;
  if (account) return account as Entries[K];
  try {
    const reader = createReader(value);
    const record = readRecord(tables[kind].fields as Fields, reader);
    reader.end();
    return (kind === 'channel' ? { channelId: id, ...record } : record) as Entries[K];
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const facts = { what: `${kind} ${id}`, reason: error.message };
    throw new AppError('STORE_CORRUPT', facts, { cause: error });
  }
}

/** Kind, id and entry of a stored pair. Throws AppError STORE_CORRUPT. */
export function entryOfPair(key: StateKey, value: Uint8Array): AnyEntry {
  const { kind, id } = partsOfKey(key);
  return { kind, id, entry: decodeEntry(kind, id, value) } as AnyEntry;
}
