/** What a caller may know of the money: quotes, balances, limits. Nothing here spends. */
import {
  fullCharge,
  type gatewayOwnerEndpoints,
  type OutputOf,
  type ParsedInputOf,
  priceOf,
  promptTokensBound,
} from '@aitbc/protocol';
import type { Buyer, CoordinatorClient, NodeClient } from '@aitbc/sdk';
import type { Access, Caller } from '../access/access.ts';

type Rows = typeof gatewayOwnerEndpoints;
type Quote = OutputOf<Rows['quote']>['quotes'][number];
type Ranked = Awaited<ReturnType<CoordinatorClient['route']>>['offers'][number];

/** Reads of the account. */
export interface AccountView {
  quote(input: ParsedInputOf<Rows['quote']>, signal: AbortSignal): Promise<OutputOf<Rows['quote']>>;
  balance(signal: AbortSignal): Promise<OutputOf<Rows['balance']>>;
  limits(caller: Caller): OutputOf<Rows['limits']>;
}

export interface AccountDeps {
  readonly buyer: () => Pick<Buyer, 'payer' | 'channels' | 'spentToday'>;
  readonly coordinator: Pick<CoordinatorClient, 'route'>;
  readonly node: Pick<NodeClient, 'rpc'>;
  readonly access: Pick<Access, 'spentToday'>;
  /** nait */
  readonly jobMax: bigint;
  readonly dayMax: bigint;
}

const quotesMax = 10;

/** Reads over a buyer that is looked up for each call. */
export function createAccountView(deps: AccountDeps): AccountView {
  const { buyer, coordinator, node, jobMax, dayMax } = deps;
  return {
    async quote(input, signal) {
      const { model } = input;
      const { offers } = await coordinator.route({ models: [model], limit: quotesMax }, { signal });
      return { model, quotes: offers.map((ranked) => quoteOf(ranked, input)) };
    },
    async balance(signal) {
      const { payer, channels } = buyer();
      const { balance, vault } = await node.rpc.state_getAccount({ address: payer }, { signal });
      const left = channels().reduce((sum, row) => sum + row.balance - row.settled, 0n);
      return { payer, account: balance, vault, channels: left.toString() };
    },
    limits(caller) {
      const spentToday = buyer().spentToday();
      const left = dayMax > spentToday ? dayMax - spentToday : 0n;
      return {
        jobMax: jobMax.toString(),
        dayMax: dayMax.toString(),
        spentToday: spentToday.toString(),
        leftToday: left.toString(),
        key: caller.kind === 'key' ? shownKey(caller.key, deps.access) : null,
      };
    },
  };
}

function quoteOf(
  { offerId, offer, measured }: Ranked,
  { messages = [], max_tokens: maxTokens }: ParsedInputOf<Rows['quote']>,
): Quote {
  const { provider, price, outputMax, windowTokens, canResume } = offer.payload;
  const outputTokens = Math.min(maxTokens ?? outputMax, outputMax);
  const most = fullCharge(priceOf(offer.payload), {
    promptTokens: promptTokensBound(messages),
    outputTokens,
  });
  return {
    ...price,
    provider,
    offerId,
    outputMax,
    windowTokens,
    canResume,
    firstTokenMsP50: measured.firstTokenMsP50,
    most: most.toString(),
  };
}

type ShownKey = OutputOf<Rows['listKeys']>['keys'][number];

/** An API key without its secret. */
export function shownKey(
  key: Parameters<Access['spentToday']>[0],
  access: Pick<Access, 'spentToday'>,
): ShownKey {
  const { name, dayMax, jobMax, models, createdAtMs } = key;
  return {
    name,
    dayMax: dayMax?.toString() ?? null,
    jobMax: jobMax?.toString() ?? null,
    models: models ? [...models] : null,
    createdAtMs,
    spentToday: access.spentToday(key).toString(),
  };
}
