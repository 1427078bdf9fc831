/**
 * Who calls, and what that caller may spend.
 *
 * Without API keys everybody who reaches the gateway may spend within the owner's limits, which the buyer
 * enforces on what it signs. From the first key on, every call needs a key or the owner's token. A key narrows
 * the owner's limits for the program that holds it: models, nait of one call, nait of one UTC day.
 *
 * A key's limits count what providers have signed for, not what is promised to them. So a running call ends with
 * the first receipt beyond a limit, and a call begins only while the day has something left: the limit of a key can be
 * passed by one window of tokens and one prompt for each of its running calls. The owner's limits cannot be
 * passed at all. Rejected: holding the dearest possible bill of every call against the key's day, which lets a key with
 * a small limit run one call at a time.
 *
 * A key's idempotency keys are its own: they are hashed with its name, so no program reads along with another.
 */
import { timingSafeEqual } from 'node:crypto';
import { type Clock, hex, randomBytes, sha256, utf8 } from '@aitbc/primitives';
import { AppError, type Hex } from '@aitbc/protocol';
import type { CallRow } from '@aitbc/sdk';
import type { AccessStore, ApiKey } from './access-store.ts';

const dayMs = 86_400_000;
const secretBytes = 32;
const secretPrefix = 'aitbc-';

/** Who calls. */
export type Caller =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'owner' }
  | { readonly kind: 'key'; readonly key: ApiKey };

/** What a request says about who sent it. */
export interface Credentials {
  readonly authorization?: string | undefined;
  readonly 'x-api-key'?: string | string[] | undefined;
}

/** Limits of a new key. */
export type KeyWish = Pick<ApiKey, 'name' | 'dayMax' | 'jobMax' | 'models'>;

/** One call that is being bought for a caller. */
export interface Ticket {
  /** The idempotency key as the caller's own. */
  readonly idempotencyKeyOf: (key: string) => string;
  begun(jobId: Hex): void;
  /** What the call owes so far. Throws BUDGET_EXCEEDED beyond a limit. */
  owes(charged: bigint): void;
  ended(charged: bigint): void;
}

/** Keys and their limits. */
export interface Access {
  /** Throws UNAUTHORIZED. */
  callerOf(credentials: Credentials): Caller;
  /** Throws FORBIDDEN for a model, BUDGET_EXCEEDED for a day without rest. */
  admit(caller: Caller, call: { model: string; dialect: string }): Ticket;
  mayUse(caller: Caller, model: string): boolean;
  spentToday(key: ApiKey): bigint;
  keys(): readonly ApiKey[];
  /** The secret is not kept. Throws BAD_REQUEST for a name that is taken. */
  createKey(wish: KeyWish): { key: ApiKey; secret: string };
  /** Throws NOT_FOUND. */
  removeKey(name: string): void;
}

/** What access is made of. */
export interface AccessDeps {
  readonly store: AccessStore;
  readonly ownerToken: string;
  readonly clock: Clock;
  /** The buyer's rows of a job, for calls whose end was not seen. */
  readonly callsOf: (jobId: Hex) => readonly Pick<CallRow, 'charged'>[];
}

/** Access over the stored keys. */
export function createAccess(deps: AccessDeps): Access {
  const { store, ownerToken, clock } = deps;
  const keys = new Map(store.keys().map((key) => [key.secretHash, key]));
  const spending = createSpending(deps);
  const mayUse = (caller: Caller, model: string) =>
    caller.kind !== 'key' || (caller.key.models?.includes(model) ?? true);
  return {
    callerOf(credentials) {
      const secret = secretOf(credentials);
      if (isSame(secret, ownerToken)) return { kind: 'owner' };
      if (keys.size === 0) return { kind: 'anyone' };
      const key = keys.get(hashOf(secret));
      if (key) return { kind: 'key', key };
      throw new AppError('UNAUTHORIZED', { reason: 'an API key of this gateway is needed' });
    },
    mayUse,
    admit(caller, { model, dialect }) {
      if (!mayUse(caller, model)) {
        throw new AppError('FORBIDDEN', { reason: `this API key may not use ${model}` });
      }
      return spending.open(caller.kind === 'key' ? caller.key : undefined, dialect);
    },
    spentToday: spending.today,
    keys: () => [...keys.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    createKey(wish) {
      if ([...keys.values()].some(({ name }) => name === wish.name)) {
        throw new AppError('BAD_REQUEST', { reason: `name: there is a key ${wish.name} already` });
      }
      const secret = secretPrefix + hex(randomBytes(secretBytes));
      const key = { ...wish, secretHash: hashOf(secret), createdAtMs: clock.nowMs() };
      store.addKey(key);
      keys.set(key.secretHash, key);
      return { key, secret };
    },
    removeKey(name) {
      const known = [...keys.values()].find((key) => key.name === name);
      if (!known) throw new AppError('NOT_FOUND', { what: `API key ${name}` });
      store.removeKey(name);
      keys.delete(known.secretHash);
    },
  };
}

function secretOf({ authorization = '', 'x-api-key': given }: Credentials): string {
  const key = Array.isArray(given) ? given[0] : given;
  if (key) return key;
  return /^bearer /i.test(authorization) ? authorization.slice(7).trim() : '';
}

const hashOf = (secret: string): Hex => hex(sha256(utf8(secret)));

function isSame(given: string, expected: string): boolean {
  const [a, b] = [utf8(given), utf8(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What keys have spent today: ended calls, and what running ones owe. */
function createSpending({ store, clock, callsOf }: AccessDeps) {
  const ended = new Map<string, { day: number; charged: bigint }>();
  const running = new Map<string, Map<Hex, bigint>>();
  const dayOf = () => Math.floor(clock.nowMs() / dayMs);
  const load = (name: string, day: number): bigint =>
    store
      .requestsOf(name, day * dayMs)
      .filter(({ jobId }) => !running.get(name)?.has(jobId))
      .reduce((sum, { jobId, charged }) => sum + (charged ?? sumOf(callsOf(jobId))), 0n);
  const endedToday = (name: string): { day: number; charged: bigint } => {
    const day = dayOf();
    let known = ended.get(name);
    if (known?.day !== day) {
      known = { day, charged: load(name, day) };
      ended.set(name, known);
    }
    return known;
  };
  const today = ({ name }: ApiKey): bigint => {
    const owed = [...(running.get(name)?.values() ?? [])];
    return endedToday(name).charged + owed.reduce((sum, charged) => sum + charged, 0n);
  };
  const assertRoom = (key: ApiKey, charged: bigint): void => {
    const { dayMax, jobMax, name } = key;
    const refusal = (scope: string, available: bigint) =>
      new AppError('BUDGET_EXCEEDED', {
        needed: charged,
        scope: `${scope} of key ${name}`,
        available,
      });
    if (jobMax !== null && charged > jobMax) throw refusal('one call', jobMax);
    const left = dayMax === null ? 1n : dayMax - today(key);
    if (left < 0n || (charged === 0n && left === 0n)) throw refusal('the day', 0n);
  };
  return {
    today,
    open(key: ApiKey | undefined, dialect: string): Ticket {
      if (key) assertRoom(key, 0n);
      const name = key?.name ?? null;
      let jobId: Hex | undefined;
      let isCounted = false;
      const owed = name === null ? undefined : mapOf(running, name);
      return {
        idempotencyKeyOf: (given) => (name === null ? given : hashOf(`${name}\0${given}`)),
        begun(id) {
          jobId = id;
          // The same call again is the same job: it was counted, or is being counted, for the first one.
          isCounted =
            owed?.has(id) === true || (owed && store.request(id)?.charged != null) === true;
          store.begin({ jobId, key: name, dialect, startedAtMs: clock.nowMs() });
          if (!isCounted) owed?.set(jobId, 0n);
        },
        owes(charged) {
          if (!key || !owed || jobId === undefined || isCounted) return;
          owed.set(jobId, charged);
          assertRoom(key, charged);
        },
        ended(charged) {
          if (jobId === undefined || isCounted) return;
          isCounted = true;
          owed?.delete(jobId);
          store.end(jobId, charged);
          if (key) endedToday(key.name).charged += charged;
        },
      };
    },
  };
}

const sumOf = (rows: readonly Pick<CallRow, 'charged'>[]) =>
  rows.reduce((sum, { charged }) => sum + charged, 0n);

function mapOf(all: Map<string, Map<Hex, bigint>>, name: string): Map<Hex, bigint> {
  const known = all.get(name) ?? new Map<Hex, bigint>();
  all.set(name, known);
  return known;
}
