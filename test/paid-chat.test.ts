import { chargeFor, priceOf, verifyJobProof } from '@aitbc/protocol';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settleAll, startNetwork, type TestNetwork } from './harness.ts';

let network: TestNetwork;

beforeAll(async () => {
  network = await startNetwork();
});
afterAll(() => network?.end());

/** A stock client: nothing but its base URL is set. */
function stockClient(): OpenAI {
  const baseURL = `${network.devnet.daemon('gateway').url}/v1`;
  return new OpenAI({ baseURL, apiKey: 'unused' });
}

async function firstModel(openai: OpenAI): Promise<string> {
  for await (const model of openai.models.list()) return model.id;
  throw new Error('the gateway lists no model');
}

const messages = [{ role: 'user' as const, content: 'What is a virtual table?' }];

describe('the stock openai client, with only baseURL set to the gateway', () => {
  it('streams a chat that is paid for to the nait', async () => {
    const { clients, account } = network.devnet;
    const openai = stockClient();
    const model = await firstModel(openai);
    const before = await moneyOf();
    const stream = await openai.chat.completions.create({
      model,
      messages,
      max_tokens: 40,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let pieces = 0;
    let usage: OpenAI.CompletionUsage | undefined;
    for await (const chunk of stream) {
      const piece = chunk.choices[0]?.delta.content ?? '';
      text += piece;
      if (piece) pieces += 1;
      usage = chunk.usage ?? usage;
    }
    expect(pieces).toBeGreaterThan(3);
    expect(usage?.completion_tokens).toBe(40);

    const spend = await clients.gateway.spend({});
    const call = spend.calls[0]!;
    expect(call).toMatchObject({ outcome: 'complete', outputTokens: 40, model });
    const proof = await clients.gateway.proof({ jobId: call.jobId });
    const proven = verifyJobProof((await clients.node.network()).network, proof);
    if (!proven.ok) throw new Error(String(proven.facts.reason));
    const { promptTokens, outputTokens, charged, last } = proven.value;
    expect({ promptTokens, outputTokens }).toEqual({
      promptTokens: usage?.prompt_tokens,
      outputTokens: 40,
    });
    const price = priceOf(proven.value.parts[0]!.offer);
    expect(charged).toBe(chargeFor(price, { promptTokens, outputTokens }, 'complete'));
    expect(call.charged).toBe(charged.toString());

    await settleAll(network.devnet);
    const after = await moneyOf();
    expect(after.provider + after.claimFees - before.provider - before.claimFees).toBe(charged);
    const channel = await clients.node.rpc.state_getChannel({ channelId: last.channelId });
    expect(channel).toMatchObject({ payer: account, totalClaimed: last.chargedCumulative });
    expect(before.payerFree - after.payerFree, 'what the payer lost').toBe(
      charged + after.payerFees - before.payerFees,
    );
    const audit = await clients.node.rpc.state_audit({});
    expect(audit).toMatchObject({ supply: audit.genesisSupply, problems: [] });
    expect(text.length).toBeGreaterThan(20);
  });

  it('gets the same answer without streaming, and an error it understands', async () => {
    const openai = stockClient();
    const model = await firstModel(openai);
    const ask = { model, messages, max_tokens: 24, temperature: 0 };
    const whole = await openai.chat.completions.create(ask);
    const stream = await openai.chat.completions.create({ ...ask, stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(whole.choices[0]?.message.content).toBe(text);
    expect(whole.usage?.completion_tokens).toBe(24);
    await expect(
      openai.chat.completions.create({ ...ask, model: 'no-such-model' }),
    ).rejects.toMatchObject({
      status: expect.any(Number),
      code: expect.stringMatching(/NO_OFFER|MODEL_UNKNOWN/),
    });
  });

  it('pays for what it got when it stops in the middle', async () => {
    const openai = stockClient();
    const model = await firstModel(openai);
    const stream = await openai.chat.completions.create({
      model,
      messages,
      max_tokens: 500,
      stream: true,
    });
    let pieces = 0;
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) pieces += 1;
      if (pieces === 5) break;
    }
    await settleAll(network.devnet);
    const { clients } = network.devnet;
    const { calls } = await clients.gateway.spend({});
    expect(calls[0]?.outputTokens).toBeLessThan(200);
    const { charged, claimed } = await clients.provider.status({});
    expect(claimed).toBe(charged);
  });
});

/** Balances of provider and payer with the fees each paid, all from the chain. */
async function moneyOf() {
  const { clients, account } = network.devnet;
  const { provider: address } = await clients.provider.status({});
  const provider = await clients.node.rpc.state_getAccount({ address });
  const payer = await clients.node.rpc.state_getAccount({ address: account });
  const { channels } = await clients.node.rpc.state_listChannels({ payer: account });
  const locked = channels.reduce((sum, c) => sum + BigInt(c.balance) - BigInt(c.totalClaimed), 0n);
  return {
    provider: BigInt(provider.balance),
    claimFees: await feesOf(address),
    payerFree: BigInt(payer.balance) + BigInt(payer.vault) + locked,
    payerFees: await feesOf(account),
  };
}

/** All fees an account ever paid, read from the blocks. */
async function feesOf(address: string): Promise<bigint> {
  const { rpc } = network.devnet.clients.node;
  const { height } = await rpc.chain_status({});
  let fees = 0n;
  for (let at = 1; at <= height; at += 1) {
    const { receipts } = await rpc.chain_getBlock({ height: at });
    for (const receipt of receipts) if (receipt.from === address) fees += BigInt(receipt.fee);
  }
  return fees;
}
