/** One transaction of each kind from fixed keys: the material of the golden vectors and of form tests. */
import { hex, utf8 } from '@aitbc/primitives';
import type { Network, SignedTx, TxBody, TxKind, UnsignedTx } from '@aitbc/protocol';
import { signTx } from '@aitbc/protocol';
import { actorOf, allocationOf, channelOfAllocation, claimOf, refundOf } from './world.ts';

/** Bodies by kind: actor 1 pays, actor 2 receives. */
export function bodiesOf(network: Network): { [K in TxKind]: TxBody<K> } {
  const payer = actorOf(1);
  const receiver = actorOf(2);
  const allocation = allocationOf(payer, receiver, 5_000_000n);
  const channelId = channelOfAllocation(network, payer, allocation);
  const row = { channelId, maxClaimable: 4_000_000n, totalClaimed: 3_000_000n };
  return {
    transfer: { to: receiver.id, amount: 1_500_000_000n, memo: hex(utf8('hello')) },
    vault_deposit: { amount: 9_000_000n, allocations: [allocation] },
    vault_withdraw: { amount: 1_000_000n },
    channel_fund: allocation,
    channel_claim: claimOf(network, { payer, receiver }, [row]),
    channel_refund: refundOf(network, receiver, { channelId, amount: 500n, refundNonce: 0 }),
    withdraw_init: { channelId, amount: 700n },
    withdraw_finalize: { channelId },
    agent_register: { name: 'ada', endpoint: 'https://ada.example', cardHash: 'ab'.repeat(32) },
    provider_register: {
      authorizer: receiver.id,
      endpoint: 'https://gpu.example',
      bond: 100_000_000_000n,
    },
    provider_unbond: {},
    bond_withdraw: { provider: receiver.id },
  };
}

/** One signed transaction of each kind, all from actor 1. */
export function oneOfEach(network: Network): SignedTx[] {
  const sender = actorOf(1);
  return Object.entries(bodiesOf(network)).map(([kind, body], nonce) => {
    const envelope = { kind, chain: network.chain, nonce, validUntil: 0, from: sender.id };
    const fee = kind === 'channel_claim' ? 11_000n : 10_000n;
    return signTx(network, { ...envelope, fee, body } as UnsignedTx, sender.secretKey);
  });
}
