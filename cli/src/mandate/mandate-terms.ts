/** The terms of a mandate from the options of `aitbc mandate grant`. */
import {
  AppError,
  accountIdOf,
  addressOf,
  type Hex,
  limits,
  mandateAllows,
  type Operation,
  type TxBody,
  unwrap,
} from '@aitbc/protocol';
import { amountFromInput } from '../amounts.ts';

const hourMs = 3_600_000;
const blocksDefault = 100_000;

/** What the user typed. */
export interface GrantWords {
  readonly total: string;
  readonly perWindow: string | undefined;
  readonly windowHours: number | undefined;
  readonly atATime: string | undefined;
  readonly perJob: string | undefined;
  readonly models: string | undefined;
  readonly receivers: string | undefined;
  readonly blocks: number | undefined;
  readonly transfers: boolean;
  readonly nait: boolean;
}

/** The argument that names a sub-key, for argument tables. */
export const subKeyArgument = {
  name: 'subKey',
  help: 'address ait1… or public key of the sub-key; a gateway logs its own at the start',
} as const;

/** A sub-key as typed: an address, or a public key of 64 hex digits. Throws ADDRESS_INVALID. */
export function subKeyOf(text: string): Hex {
  return /^[0-9a-f]{64}$/.test(text) ? text : unwrap(accountIdOf(text));
}

/** Address of a sub-key as typed. Throws ADDRESS_INVALID. */
export function subKeyAddress(text: string): string {
  return addressOf(subKeyOf(text));
}

/** Body of the grant: what is not said is as wide as the next wider limit. Throws CLI_USAGE, ADDRESS_INVALID. */
export function grantOf(subKey: Hex, words: GrantWords, height: number): TxBody<'mandate_grant'> {
  const amount = (text: string) => amountFromInput(text, words.nait);
  const { perWindow = words.total, windowHours = 1, perJob = '0' } = words;
  const { atATime = perWindow, blocks = blocksDefault } = words;
  const receivers = listOf(words.receivers, '--receivers', limits.mandateReceivers);
  const models = listOf(words.models, '--models', limits.mandateModels);
  return {
    subKey,
    channelMaxNait: amount(atATime),
    windowMaxNait: amount(perWindow),
    windowMs: Math.max(1, Math.round(windowHours * hourMs)),
    totalMaxNait: amount(words.total),
    jobMaxNait: amount(perJob),
    receivers: receivers.map((address) => ({ receiver: unwrap(accountIdOf(address)) })),
    models: models.map((model) => ({ model })),
    allows: mandateAllows.channels | (words.transfers ? mandateAllows.transfers : 0),
    expiresAtHeight: height + blocks,
  };
}

function listOf(text: string | undefined, flag: string, max: number): readonly string[] {
  if (text === undefined) return [];
  const parts = text.split(',').map((part) => part.trim());
  if (!parts.includes('') && parts.length <= max) return parts;
  const reason = `${flag} ${text}: one to ${max} names with commas between them are needed.`;
  throw new AppError('CLI_USAGE', { reason });
}

/** Coins that go along with a grant, nait: into the vault, and to the sub-key for its fees. */
export interface Along {
  readonly depositNait: bigint;
  readonly feesNait: bigint;
}

/** The grant, and before it what goes along, as operations of one batch. */
export function operationsOf(
  grant: TxBody<'mandate_grant'>,
  { depositNait, feesNait }: Along,
): Operation[] {
  const operations: Operation[] = [];
  if (depositNait > 0n) {
    const body = { amount: depositNait, allocations: [] };
    operations.push({ kind: 'vault_deposit', body });
  }
  if (feesNait > 0n) {
    const body = { to: grant.subKey, amount: feesNait, memo: '' };
    operations.push({ kind: 'transfer', body });
  }
  return [...operations, { kind: 'mandate_grant', body: grant }];
}
