/** What every test of answers expects of text, parts and money. */
import { expect } from 'vitest';
import type { TestChain } from '../../node/testing/chain.ts';
import { until } from '../../node/testing/http-server.ts';
import type { Seller } from '../../node/testing/seller.ts';
import type { Buyer } from '../buyer.ts';
import { callOf, type Drained, drain, words } from './test-market.ts';

/** The answer is whole, its parts are those of the providers in this order, and they tile. */
export function expectWhole({ answer, end, moves }: Drained, providers: readonly Seller[]): void {
  expect(answer).toBe(words.join(''));
  const { parts = [] } = end ?? {};
  expect(parts.map(({ provider }) => provider)).toEqual(providers.map(({ address }) => address));
  let at = 0;
  for (const { from, to } of parts) {
    expect(from).toBe(at);
    at = to;
  }
  expect(at).toBe(words.length);
  expect(end?.outputTokens).toBe(words.length);
  expect(end?.charged).toBe(parts.reduce((sum, { charged }) => sum + charged, 0n));
  expect(moves).toHaveLength(providers.length - 1);
}

/** Both channels are funded before anything fails. */
export async function warm(
  chain: TestChain,
  buyer: Buyer,
  sellers: readonly Seller[],
): Promise<void> {
  await drain(await buyer.run(callOf('warm')));
  await until(() => sellers.every(({ address }) => isFunded(buyer, address)));
  chain.sent.length = 0;
}

function isFunded(buyer: Buyer, provider: string): boolean {
  const channel = buyer.channels().find((row) => row.provider === provider);
  return channel?.status === 'open' && channel.balance > 0n;
}

/** All money is where the receipts say. */
export async function expectSettled(buyer: Buyer, sellers: readonly Seller[]): Promise<void> {
  await until(() => buyer.openCalls().length === 0);
  for (const { channelId, provider, settled } of buyer.channels()) {
    const seller = sellers.find(({ address }) => address === provider);
    expect(settled).toBe(seller?.books.get(channelId)?.charged ?? 0n);
  }
}
