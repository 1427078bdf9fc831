/**
 * The main job, told as it happens on the running devnet: nothing in here is made up for the show. Each
 * line is read back from the daemons or computed from what they signed.
 */
import { aitFromNait } from '@aitbc/primitives';
import {
  AppError,
  type JobProof,
  type Network,
  type ProvenJob,
  unwrap,
  verifyJobProof,
} from '@aitbc/protocol';
import { createTransport } from '@aitbc/sdk';
import { type ChatAnswer, streamChat } from '../ai/stream-chat.ts';
import type { Devnet } from './bring-up.ts';
import type { Narrator } from './narrator.ts';
import { shortAddress } from './short-address.ts';

const question = 'How does a virtual table use the xColumn method?';
const outputTokens = 64;
const settleTimeoutMs = 20_000;
const pollMs = 20;

/** What the story showed, for `--json`. Amounts are decimal strings of nait. */
export interface StoryResult {
  readonly jobId: string;
  readonly provider: string;
  readonly model: string;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly firstTokenMs: number;
  readonly verifyMicros: number;
  readonly receipts: number;
  readonly charged: string;
  readonly settledHeight: number;
  readonly settleMs: number;
  readonly receiptVerified: boolean;
  readonly supply: string;
}

/** Plays the job. Throws when anything that must hold does not. */
export async function playStory(devnet: Devnet, say: Narrator): Promise<StoryResult> {
  const { network } = await devnet.clients.node.network();
  const model = await rankOffers(devnet, say);
  const before = await balances(devnet);
  const answer = await payAndStream(devnet, model, say);
  if (!answer.jobId)
    throw new AppError('ANSWER_INVALID', { what: 'The gateway', reason: 'it named no job' });
  const proof = await devnet.clients.gateway.proof({ jobId: answer.jobId });
  const proven = tellReceipts(network, proof, say);
  const settled = await settle(devnet, proven, say);
  await tellMoney(devnet, { before, proven, claimFee: settled.fee }, say);
  const supply = await tellSupply(devnet, say);
  const { verifyMicros } = await devnet.clients.provider.status({});
  return {
    jobId: proof.jobId,
    provider: proven.provider,
    model,
    promptTokens: proven.promptTokens,
    outputTokens: proven.outputTokens,
    firstTokenMs: answer.firstTokenMs ?? 0,
    verifyMicros: verifyMicros.p50,
    receipts: proof.receipts.length,
    charged: proven.charged.toString(),
    settledHeight: settled.height,
    settleMs: settled.ms,
    receiptVerified: true,
    supply,
  };
}

async function rankOffers({ clients }: Devnet, say: Narrator): Promise<string> {
  say.act('Offers are ranked');
  const { data } = await clients.coordinator.models({});
  const model = data[0]?.id;
  if (!model) throw new AppError('NO_OFFER', { model: 'any model', reason: 'the list is empty' });
  const { offers } = await clients.coordinator.route({ models: [model] });
  for (const { offer, rank, reason } of offers) {
    const { price, provider, windowTokens } = offer.payload;
    const perMTok = (nait: string) => `${aitFromNait(BigInt(nait))} AIT`;
    say.fact(
      `${rank + 1}. ${model} at ${shortAddress(provider)}: in ${perMTok(price.inputPerMTok)}, ` +
        `out ${perMTok(price.outputPerMTok)} per million tokens (${reason})`,
    );
    say.aside(`signed by the key registered on chain; paid in windows of ${windowTokens} tokens`);
  }
  return model;
}

async function payAndStream(
  { clients, daemon, signal }: Devnet,
  model: string,
  say: Narrator,
): Promise<ChatAnswer> {
  say.act('A paid answer streams');
  say.fact(`“${question}”`);
  const transport = createTransport();
  const request = {
    model,
    messages: [{ role: 'user' as const, content: question }],
    max_tokens: outputTokens,
    temperature: 0,
  };
  const gatewayUrl = daemon('gateway').url;
  const answer = await streamChat({ transport, gatewayUrl, signal }, request, say.stream);
  await transport.close();
  say.endStream();
  const { verifyMicros } = await clients.provider.status({});
  say.fact(`payment verified in ${Math.round(verifyMicros.p50)} µs, before the engine ran`, true);
  const rate = Math.round(((answer.outputTokens ?? 0) * 1000) / Math.max(1, answer.durationMs));
  say.fact(
    `first token after ${Math.round(answer.firstTokenMs ?? 0)} ms, ${answer.outputTokens} tokens at ${rate} tokens/s`,
  );
  return answer;
}

function tellReceipts(network: Network, proof: JobProof, say: Narrator): ProvenJob {
  say.act('The receipt is verified offline');
  const proven = unwrap(verifyJobProof(network, proof));
  const ranges = proof.receipts.map(({ payload }) => `${payload.from}–${payload.to}`).join(' ');
  say.fact(`offer and ${proof.receipts.length} receipts signed by the provider's key`, true);
  say.fact(`token ranges tile without a gap: ${ranges}`, true);
  say.fact(
    `charged ${proven.charged} nait (${aitFromNait(proven.charged)} AIT) for ` +
      `${proven.promptTokens} prompt and ${proven.outputTokens} output tokens, within the offer`,
    true,
  );
  return proven;
}

interface Settlement {
  readonly height: number;
  readonly ms: number;
  /** nait */
  readonly fee: bigint;
}

/** Asks the provider to claim now and waits until the chain has paid. */
async function settle(devnet: Devnet, proven: ProvenJob, say: Narrator): Promise<Settlement> {
  say.act('The job settles on chain');
  const { node, provider } = devnet.clients;
  const begunMs = performance.now();
  const { txId } = await provider.claimNow({});
  if (!txId) throw new AppError('INTERNAL', { reason: 'the provider had nothing to claim' });
  for (;;) {
    const status = await node.rpc.tx_get({ txId });
    if (status.status === 'final' && status.receipt) {
      const ms = performance.now() - begunMs;
      const { height, fee } = status.receipt;
      say.fact(`claim final in block ${height} after ${Math.round(ms)} ms`, true);
      const { channelId } = proven.last;
      const channel = await node.rpc.state_getChannel({ channelId });
      const due = proven.last.chargedCumulative;
      expectEqual(channel.totalClaimed, due, 'the channel paid what the receipts say');
      say.fact(
        `channel ${channelId.slice(0, 12)}… has paid ${channel.totalClaimed} nait in all`,
        true,
      );
      return { height, ms, fee: BigInt(fee) };
    }
    if (performance.now() - begunMs > settleTimeoutMs) {
      throw new AppError('TIMEOUT', { what: 'The settlement', timeoutMs: settleTimeoutMs });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

interface Balances {
  readonly provider: bigint;
  readonly claimed: bigint;
}

async function balances({ clients }: Devnet): Promise<Balances> {
  const { provider: address, claimed } = await clients.provider.status({});
  const account = await clients.node.rpc.state_getAccount({ address });
  return { provider: BigInt(account.balance), claimed: BigInt(claimed) };
}

/** The provider's balance rose by what was claimed since, less the fees of its claims. */
async function tellMoney(
  devnet: Devnet,
  { before, proven, claimFee }: { before: Balances; proven: ProvenJob; claimFee: bigint },
  say: Narrator,
): Promise<void> {
  const after = await balances(devnet);
  const earned = after.claimed - before.claimed;
  const rise = after.provider - before.provider;
  if (earned === proven.charged) {
    expectEqual(rise, proven.charged - claimFee, 'the provider has what it earned');
  }
  say.fact(
    `provider's balance ${rise >= 0n ? '+' : ''}${rise} nait: earned ${earned}, fee of the claim ${claimFee}`,
    true,
  );
}

async function tellSupply({ clients }: Devnet, say: Narrator): Promise<string> {
  const audit = await clients.node.rpc.state_audit({});
  expectEqual(audit.supply, audit.genesisSupply, 'no coin appeared or vanished');
  if (audit.problems.length > 0)
    throw new AppError('INTERNAL', { reason: audit.problems.join('; ') });
  say.fact(`all ${aitFromNait(BigInt(audit.supply))} AIT of the genesis are accounted for`, true);
  return audit.supply;
}

function expectEqual(got: string | bigint, expected: string | bigint, what: string): void {
  if (got === expected) return;
  throw new AppError('INTERNAL', {
    reason: `it does not hold that ${what}: ${got} against ${expected}`,
  });
}
