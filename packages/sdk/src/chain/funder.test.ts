import { hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  addressOf,
  feePayerOf,
  type MandateJson,
  mandateFromJson,
  networkFromHash,
  type TxKind,
  type UnsignedTx,
  verifyTx,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMandateFunder, createVaultFunder, type FunderNode, roomOf } from './funder.ts';
import { createLocalSigner, createSponsoredSigner } from './signer.ts';
import type { TxSender } from './tx-sender.ts';

const network = networkFromHash('ait-test', 'cd'.repeat(32));
const keyOf = (seed: number) => keyPairFromSeed(new Uint8Array(32).fill(seed));
const [owner, subKey, receiver] = [1, 2, 3].map((seed) => hex(keyOf(seed).publicKey)) as [
  string,
  string,
  string,
];

const allocation = {
  receiver,
  payerAuthorizer: subKey,
  receiverAuthorizer: receiver,
  withdrawDelayMs: 5_000,
  salt: '00'.repeat(32),
  amount: 100n,
};

const mandate: MandateJson = {
  owner: addressOf(owner),
  subKey: addressOf(subKey),
  channelMaxNait: '80',
  windowMaxNait: '150',
  windowMs: 1_000,
  totalMaxNait: '1000',
  jobMaxNait: '0',
  receivers: [],
  models: [],
  allowsChannels: true,
  allowsTransfers: false,
  expiresAtHeight: 1_000,
  revoked: false,
  spentNait: '0',
  windowStartMs: 0,
  windowSpentNait: '0',
};

function setUp({ vault = '1000', changes = {}, status = 'final', seed = 2 } = {}) {
  const sent: { kind: TxKind; body: unknown }[] = [];
  const node = {
    rpc: {
      state_getAccount: async () => ({ vault }),
      state_getMandate: async () => ({ ...mandate, ...changes }),
    },
  } as unknown as FunderNode;
  const sender = {
    signer: createLocalSigner(network, keyOf(seed).secretKey),
    send: async (kind: TxKind, body: unknown) => {
      sent.push({ kind, body });
      return { status };
    },
  } as unknown as TxSender;
  return { sent, node, sender };
}

describe('a funder from the own vault', () => {
  it('fills a channel, and the vault with it when it holds too little', async () => {
    const rich = setUp({ seed: 1 });
    const funder = createVaultFunder({ ...rich, vaultFund: 500n });
    expect(funder.payer).toEqual({ accountId: owner, address: addressOf(owner) });
    await funder.fund(allocation, 1n);
    expect(rich.sent).toEqual([{ kind: 'channel_fund', body: allocation }]);
    const poor = setUp({ seed: 1, vault: '99' });
    await createVaultFunder({ ...poor, vaultFund: 500n }).fund(allocation, 1n);
    await createVaultFunder({ ...poor, vaultFund: 5n }).fund(allocation, 1n);
    expect(poor.sent).toEqual([
      { kind: 'vault_deposit', body: { amount: 500n, allocations: [allocation] } },
      { kind: 'vault_deposit', body: { amount: 100n, allocations: [allocation] } },
    ]);
  });

  it('throws when the transaction is not final in time', async () => {
    const slow = setUp({ status: 'accepted' });
    const funded = createVaultFunder({ ...slow, vaultFund: 1n }).fund(allocation, 1n);
    await expect(funded).rejects.toMatchObject({ code: 'TIMEOUT' });
  });
});

describe('a funder under a mandate', () => {
  const funderOf = (parts: ReturnType<typeof setUp>, nowMs = 500) =>
    createMandateFunder({ ...parts, owner: addressOf(owner), nowMs: () => nowMs });

  it('moves money of the owner, as much as the mandate and the vault leave', async () => {
    const parts = setUp();
    const funder = funderOf(parts);
    expect(funder.payer).toEqual({ accountId: owner, address: addressOf(owner) });
    await funder.fund(allocation, 80n);
    await funder.fund({ ...allocation, amount: 70n }, -5n);
    const low = setUp({ vault: '60' });
    await funderOf(low).fund(allocation, 60n);
    const bodies = [...parts.sent, ...low.sent];
    expect(bodies).toEqual(
      [80n, 70n, 60n].map((amount) => ({
        kind: 'mandate_fund',
        body: { ...allocation, owner, amount },
      })),
    );
  });

  it('refuses what is not to be had before it costs a transaction', async () => {
    const parts = setUp({ changes: { windowSpentNait: '130' } });
    await expect(funderOf(parts).fund(allocation, 21n)).rejects.toMatchObject({
      code: 'MANDATE_EXCEEDED',
      facts: { scope: 'window', available: 20n, needed: 21n },
    });
    await funderOf(parts, 1_000).fund(allocation, 21n);
    expect(parts.sent).toHaveLength(1);
    const spent = setUp({ changes: { spentNait: '1000' } });
    await expect(funderOf(spent).fund(allocation, 0n)).rejects.toMatchObject({
      code: 'MANDATE_EXCEEDED',
      facts: { scope: 'total', available: 0n, needed: 1n },
    });
    const low = setUp({ vault: '5' });
    await expect(funderOf(low).fund(allocation, 6n)).rejects.toMatchObject({
      code: 'TX_FUNDS_INSUFFICIENT',
      facts: { available: 5n, needed: 6n },
    });
    expect([...spent.sent, ...low.sent]).toEqual([]);
  });

  it('knows what is left without ever saying less than nothing', () => {
    const amount = fc.bigInt(0n, 1_000n);
    const sums = { channelMaxNait: amount, windowMaxNait: amount, totalMaxNait: amount };
    const spent = { windowSpentNait: amount, spentNait: amount, windowStartMs: fc.nat(2_000) };
    fc.assert(
      fc.property(fc.record({ ...sums, ...spent }), fc.nat(4_000), (changes, nowMs) => {
        const { available } = roomOf({ ...mandateFromJson(mandate), ...changes }, nowMs);
        const { channelMaxNait, windowMaxNait, totalMaxNait, spentNait } = changes;
        const isOver = nowMs - changes.windowStartMs >= 1_000;
        const inWindow = windowMaxNait - (isOver ? 0n : changes.windowSpentNait);
        const rooms = [channelMaxNait, inWindow, totalMaxNait - spentNait];
        const least = rooms.reduce((a, b) => (a < b ? a : b));
        expect(available).toBe(least < 0n ? 0n : least);
      }),
    );
  });
});

describe('a signer whose fees another pays', () => {
  it('makes transactions that both have signed', async () => {
    const [secretKey, payerKey] = [keyOf(2).secretKey, keyOf(1).secretKey];
    const signer = createSponsoredSigner(network, { secretKey, payerKey });
    const body = { ...allocation, owner, amount: 1n };
    const envelope = { chain: network.chain, nonce: 0, validUntil: 0, from: subKey, fee: 10_000n };
    const unsigned: UnsignedTx = { kind: 'mandate_fund', ...envelope, body };
    const tx = await signer.signTx(unsigned);
    expect(verifyTx(network, tx)).toBe(true);
    expect(signer.accountId).toBe(subKey);
    expect(feePayerOf(tx)).toBe(owner);
  });
});
