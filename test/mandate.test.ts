/** A buyer that holds nothing but a sub-key, against real daemons: it buys, and a revocation stops it. */
import { hex, keyPairFromSeed, randomBytes, systemClock } from '@aitbc/primitives';
import type { ErrorCode, InferenceRequest } from '@aitbc/protocol';
import {
  type Buyer,
  createBuyer,
  createLocalSigner,
  createMandateFunder,
  createMemoryStore,
  createTxSender,
} from '@aitbc/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNetwork, type TestNetwork, until } from './harness.ts';

const ait = 1_000_000_000n;

let network: TestNetwork;
let buyer: Buyer;
let owner: ReturnType<typeof createLocalSigner>;
let ownerSends: ReturnType<typeof createTxSender>;
const subKey = keyPairFromSeed(randomBytes(32));
const subKeyId = hex(subKey.publicKey);

const terms = {
  ...{ subKey: subKeyId, channelMaxNait: ait / 10n, windowMaxNait: ait, windowMs: 3_600_000 },
  ...{ totalMaxNait: 2n * ait, receivers: [], allows: 1, expiresAtHeight: 1_000_000 },
};

beforeAll(async () => {
  network = await startNetwork({ validators: 1 });
  const { node, coordinator } = network.devnet.clients;
  const { network: chain } = await node.network();
  owner = createLocalSigner(chain, keyPairFromSeed(randomBytes(32)).secretKey);
  ownerSends = createTxSender({ node, signer: owner });
  const signer = createLocalSigner(chain, subKey.secretKey);
  for (const { address } of [owner, signer]) await node.rpc.dev_faucet({ address });
  await until('both have coins', async () => {
    const rows = [owner, signer].map(({ address }) => node.rpc.state_getAccount({ address }));
    return (await Promise.all(rows)).every(({ balance }) => BigInt(balance) > 0n);
  });
  await ownerSends.send('vault_deposit', { amount: ait, allocations: [] });
  await ownerSends.send('mandate_grant', { ...terms, jobMaxNait: 0n, models: [] });
  const sender = createTxSender({ node, signer });
  const nowMs = () => systemClock.nowMs();
  const funder = createMandateFunder({ node, sender, owner: owner.address, nowMs });
  const options = { channelFund: ait / 5n, vaultFund: ait, jobMax: ait, dayMax: 10n * ait };
  const store = createMemoryStore();
  buyer = await createBuyer(
    { ...options, allowPrivate: true, standby: 0 },
    { node, coordinator, sender, funder, hotKey: subKey, store },
  );
});
afterAll(async () => {
  await buyer?.close();
  await network?.end();
});

interface Bought {
  readonly text: string;
  readonly outputTokens: number;
  readonly code: ErrorCode | undefined;
}

/** Buys an answer; `onText` is called with the pieces that have come. */
async function ask(tokens: number, onText?: (pieces: number) => Promise<void>): Promise<Bought> {
  const { data } = await network.devnet.clients.coordinator.models({});
  const model = data[0]?.id ?? '';
  const messages = [{ role: 'user' as const, content: 'What is a virtual table?' }];
  const request: InferenceRequest = {
    ...{ model, messages, maxTokens: tokens, temperature: 0, stop: [], stream: true },
    ...{ topP: undefined, topK: undefined, seed: undefined },
  };
  let text = '';
  let pieces = 0;
  try {
    const job = await buyer.run({ request, idempotencyKey: hex(randomBytes(8)) });
    for await (const event of job.events) {
      if (event.type === 'text') {
        text += event.text;
        pieces += 1;
        await onText?.(pieces);
      }
      if (event.type === 'end') {
        return { text, outputTokens: event.end.outputTokens, code: undefined };
      }
    }
    throw new Error('a job without an end');
  } catch (error) {
    const { code } = error as { code: ErrorCode };
    return { text, outputTokens: pieces, code };
  }
}

const vault = async () => {
  const { node } = network.devnet.clients;
  return BigInt((await node.rpc.state_getAccount({ address: owner.address })).vault);
};

describe('a buyer with nothing but a sub-key', () => {
  it('buys from the vault of the owner, no more at a time than its mandate says', async () => {
    const { text, outputTokens, code } = await ask(24);
    expect([code, outputTokens]).toEqual([undefined, 24]);
    expect(text.length).toBeGreaterThan(10);
    expect(await vault()).toBe(ait - terms.channelMaxNait);
    const [channel] = buyer.channels();
    expect(channel?.balance).toBe(terms.channelMaxNait);
    const { node } = network.devnet.clients;
    const seen = await node.rpc.state_getChannel({ channelId: channel?.channelId ?? '' });
    expect(seen).toMatchObject({ payer: owner.address, payerAuthorizer: subKeyId });
  });

  it('is refused by the provider for what the next grant does not allow', async () => {
    await ownerSends.send('mandate_grant', { ...terms, jobMaxNait: 1n, models: [] });
    await until('the provider knows', async () => (await ask(24)).code === 'MANDATE_EXCEEDED');
    await ownerSends.send('mandate_grant', {
      ...{ ...terms, jobMaxNait: 0n, models: [{ model: 'another' }] },
    });
    await until('the provider knows', async () => (await ask(24)).code === 'MANDATE_FORBIDDEN');
    await ownerSends.send('mandate_grant', { ...terms, jobMaxNait: 0n, models: [] });
    await until('the provider knows', async () => (await ask(24)).code === undefined);
    // at once: a refusal proves that nothing ran, so nobody has to be asked for receipts
    await until('no promise is held', async () => buyer.openCalls().length === 0, 2_000);
  });

  it('is cut off in mid-answer by a revocation, and buys nothing any more', async () => {
    let isRevoked = false;
    const cut = await ask(2_000, async (pieces) => {
      if (pieces < 4 || isRevoked) return;
      isRevoked = true;
      await ownerSends.send('mandate_revoke', { subKey: subKeyId });
    });
    expect(isRevoked).toBe(true);
    expect(cut.code).toBe('MANDATE_REVOKED');
    expect(cut.outputTokens).toBeLessThan(200);
    const left = await vault();
    expect((await ask(24)).code).toBe('MANDATE_REVOKED');
    expect(await vault()).toBe(left);
    const { charged, claimed } = await network.devnet.clients.provider.status({});
    expect(BigInt(charged)).toBeGreaterThanOrEqual(BigInt(claimed));
  });
});
