/** Mandates: as the chain keeps them, as a node shows them, and as its clients read them. See docs/spec/chain.md, "Mandates". */
import type { z } from 'zod';
import { unwrap } from '../../errors.ts';
import { addressOf, type Hex } from '../../fields.ts';
import { accountIdOf, amountOf } from '../../scalars.ts';
import type { TxBody } from '../../tx-kinds.ts';
import type { zMandate } from './state-shapes.ts';

/** Bits of `allows`. */
export const mandateAllows = Object.freeze({ channels: 1, transfers: 2 });

/** A mandate as the chain keeps it: the grant, whose it is, and what was spent. */
export type MandateEntry = Readonly<TxBody<'mandate_grant'>> & {
  readonly owner: Hex;
  readonly revoked: boolean;
  readonly spentNait: bigint;
  readonly windowStartMs: number;
  readonly windowSpentNait: bigint;
};

/** A mandate as a node shows it. */
export type MandateJson = z.output<typeof zMandate>;

/** What an owner lets a sub-key spend; amounts in nait, times in chain time. */
export interface Mandate {
  readonly owner: Hex;
  readonly subKey: Hex;
  /** Most that goes at a time. */
  readonly channelMaxNait: bigint;
  readonly windowMaxNait: bigint;
  readonly windowMs: number;
  readonly totalMaxNait: bigint;
  /** Most that one job may promise, 0 for no bound of its own. */
  readonly jobMaxNait: bigint;
  /** Whom it may pay; empty for anyone. */
  readonly receivers: readonly Hex[];
  /** Names of the models it may buy; empty for any. */
  readonly models: readonly string[];
  readonly allowsChannels: boolean;
  readonly allowsTransfers: boolean;
  /** Last height at which it holds. */
  readonly expiresAtHeight: number;
  readonly revoked: boolean;
  readonly spentNait: bigint;
  readonly windowStartMs: number;
  readonly windowSpentNait: bigint;
}

/** JSON form of a mandate. */
export function mandateToJson(entry: MandateEntry): MandateJson {
  const { windowMs, allows, expiresAtHeight, revoked, windowStartMs } = entry;
  return {
    owner: addressOf(entry.owner),
    subKey: addressOf(entry.subKey),
    channelMaxNait: entry.channelMaxNait.toString(),
    windowMaxNait: entry.windowMaxNait.toString(),
    windowMs,
    totalMaxNait: entry.totalMaxNait.toString(),
    jobMaxNait: entry.jobMaxNait.toString(),
    receivers: entry.receivers.map(({ receiver }) => addressOf(receiver)),
    models: entry.models.map(({ model }) => model),
    allowsChannels: (allows & mandateAllows.channels) !== 0,
    allowsTransfers: (allows & mandateAllows.transfers) !== 0,
    expiresAtHeight,
    revoked,
    spentNait: entry.spentNait.toString(),
    windowStartMs,
    windowSpentNait: entry.windowSpentNait.toString(),
  };
}

/** A mandate of its JSON form. Throws AppError when it is not valid. */
export function mandateFromJson(json: MandateJson): Mandate {
  const { windowMs, models, allowsChannels, allowsTransfers } = json;
  const { expiresAtHeight, revoked, windowStartMs } = json;
  return {
    ...{ windowMs, models, allowsChannels, allowsTransfers },
    ...{ expiresAtHeight, revoked, windowStartMs },
    owner: unwrap(accountIdOf(json.owner)),
    subKey: unwrap(accountIdOf(json.subKey)),
    receivers: json.receivers.map((receiver) => unwrap(accountIdOf(receiver))),
    channelMaxNait: amountOf(json.channelMaxNait),
    windowMaxNait: amountOf(json.windowMaxNait),
    totalMaxNait: amountOf(json.totalMaxNait),
    jobMaxNait: amountOf(json.jobMaxNait),
    spentNait: amountOf(json.spentNait),
    windowSpentNait: amountOf(json.windowSpentNait),
  };
}
