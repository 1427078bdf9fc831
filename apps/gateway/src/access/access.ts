/**
 * Who calls, and what that caller may spend.
 *
 * Without API keys everybody who reaches the gateway may spend within the owner's limits, which the buyer
 * enforces on what it signs. From the first key on, every call needs a key or the owner's token. A key narrows
 * the owner's limits for the program that holds it: models, nait of one call, nait of one UTC day.
 *
 * A key's limits are as hard as the owner's: both are judged before a promise is signed (key-spending.ts).
 *
 * A key's idempotency keys are its own: they are hashed with its name, so no program reads along with another.
 */
import { timingSafeEqual } from 'node:crypto';
import { hex, randomBytes, sha256, utf8 } from '@aitbc/primitives';
import { AppError, type Hex } from '@aitbc/protocol';
import type { AccessStore, ApiKey } from './access-store.ts';
import { type Account, createKeySpending, type SpendingDeps } from './key-spending.ts';

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

/** One request that is being bought for a caller. */
export interface Ticket extends Account {
  /** The idempotency key as the caller's own. */
  readonly idempotencyKeyOf: (key: string) => string;
}

/** Keys and their limits. */
export interface Access {
  /** Throws UNAUTHORIZED. */
  callerOf(credentials: Credentials): Caller;
  /** Throws FORBIDDEN for a model, BUDGET_EXCEEDED for a day without rest. */
  admit(caller: Caller, call: { model: string; dialect: string }): Ticket;
  mayUse(caller: Caller, model: string): boolean;
  /** nait that calls of this UTC day owe, or have promised and may still owe. */
  spentToday(key: ApiKey): bigint;
  keys(): readonly ApiKey[];
  /** The secret is not kept. Throws BAD_REQUEST for a name that is taken. */
  createKey(wish: KeyWish): { key: ApiKey; secret: string };
  /** Throws NOT_FOUND. */
  removeKey(name: string): void;
}

/** What access is made of. */
export interface AccessDeps extends Pick<SpendingDeps, 'clock' | 'commitmentOf'> {
  readonly store: AccessStore;
  readonly ownerToken: string;
}

/** Access over the stored keys. */
export function createAccess(deps: AccessDeps): Access {
  const { store, clock } = deps;
  const expected = utf8(deps.ownerToken);
  const keys = new Map(store.keys().map((key) => [key.secretHash, key]));
  const spending = createKeySpending(deps);
  const mayUse = (caller: Caller, model: string) =>
    caller.kind !== 'key' || (caller.key.models?.includes(model) ?? true);
  return {
    callerOf(credentials) {
      const secret = secretOf(credentials);
      if (isSame(secret, expected)) return { kind: 'owner' };
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
      const key = caller.kind === 'key' ? caller.key : undefined;
      const idempotencyKeyOf = (given: string) => (key ? hashOf(`${key.name}\0${given}`) : given);
      return { idempotencyKeyOf, ...spending.open(key, dialect) };
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

function isSame(given: string, expected: Uint8Array): boolean {
  const bytes = utf8(given);
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}
