import {
  addressOf,
  channelIdOf,
  networkFromHash,
  txToJson,
  type UnsignedTx,
} from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { chainFactsOf } from './chain-facts.ts';

const network = networkFromHash('ait-test', 'ab'.repeat(32));
const [payer, receiver, other] = ['01', '02', '03'].map((byte) => byte.repeat(32)) as [
  string,
  string,
  string,
];
const envelope = { chain: 1, nonce: 0, validUntil: 0, from: payer, fee: 1n };
const config = {
  ...{ receiver, payerAuthorizer: 'aa'.repeat(32), receiverAuthorizer: 'bb'.repeat(32) },
  ...{ withdrawDelayMs: 60_000, salt: 'cc'.repeat(32) },
};
const channelId = channelIdOf(network, { payer, ...config });
const opened = {
  ...{ kind: 'channel', channelId, payer: addressOf(payer), receiver: addressOf(receiver) },
  amount: '7',
};

function factsOf(tx: UnsignedTx) {
  return chainFactsOf(network, txToJson(tx));
}

describe('a transaction tells', () => {
  it('a transfer, also one under a mandate', () => {
    const to = { to: other, amount: 5n };
    const moved = { kind: 'transfer', from: addressOf(payer), to: addressOf(other), amount: '5' };
    expect(factsOf({ ...envelope, kind: 'transfer', body: { ...to, memo: '' } })).toEqual([moved]);
    const byMandate = { ...envelope, from: receiver, kind: 'mandate_transfer' as const };
    expect(factsOf({ ...byMandate, body: { owner: payer, ...to } })).toEqual([moved]);
  });

  it('a channel, however it was funded', () => {
    const allocation = { ...config, amount: 7n };
    const ways: UnsignedTx[] = [
      { ...envelope, kind: 'channel_fund', body: allocation },
      { ...envelope, kind: 'vault_deposit', body: { amount: 9n, allocations: [allocation] } },
      { ...envelope, from: other, kind: 'mandate_fund', body: { owner: payer, ...allocation } },
    ];
    for (const way of ways) expect(factsOf(way)).toEqual([opened]);
  });

  it('each operation of a batch, and nothing of other kinds', () => {
    const operations = [
      { kind: 'transfer' as const, body: { to: other, amount: 5n, memo: '' } },
      { kind: 'channel_fund' as const, body: { ...config, amount: 7n } },
      { kind: 'provider_unbond' as const, body: {} },
    ];
    const facts = factsOf({ ...envelope, kind: 'batch', body: { operations } });
    expect(facts.map(({ kind }) => kind)).toEqual(['transfer', 'channel']);
    expect(factsOf({ ...envelope, kind: 'provider_unbond', body: {} })).toEqual([]);
  });
});
