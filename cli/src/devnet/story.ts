/**
 * The main job, told as it happens on the running devnet: nothing in here is made up for the show. Each
 * line is read back from the daemons or computed from what they signed, and what must hold is checked.
 */
import { join } from 'node:path';
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
import { aitText } from '../amounts.ts';
import { pause } from '../chain/await-final.ts';
import { networkOfFile } from '../receipt/find-network.ts';
import { readProof, writeProof } from '../receipt/read-proof.ts';
import { counted, latencyText, shortAddress } from '../wording.ts';
import type { Devnet } from './bring-up.ts';
import type { Narrator } from './narrator.ts';
import { beginOutage, endOutage, type OutageResult } from './story-outage.ts';

const question = 'How does a virtual table use the xColumn method?';
const outputTokens = 64;
const settleTimeoutMs = 20_000;
const pollMs = 20;
const proofFileName = 'story-receipt.json';

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
  /** null with too few validators to lose one. */
  readonly outage: OutageResult | null;
  readonly receiptFile: string;
  readonly receiptVerified: boolean;
  readonly supply: string;
}

/** Plays the job. Throws when anything that must hold does not. */
export async function playStory(devnet: Devnet, say: Narrator): Promise<StoryResult> {
  const { network } = await devnet.clients.node.network();
  const model = await rankOffers(devnet, say);
  const before = await balances(devnet);
  const answer = await payAndStream(devnet, model, say);
  const proof = await devnet.clients.gateway.proof({ jobId: answer.jobId });
  const proven = tellReceipts(network, proof, say);
  const outage = await beginOutage(devnet, say);
  const settled = await settle(devnet, proven, say);
  const { height } = settled;
  const ended = outage ? await endOutage(devnet, say, { outage, height }) : null;
  say.act('Every coin is accounted for');
  await tellMoney(devnet, { before, proven, claimFee: settled.fee }, say);
  const supply = await tellSupply(devnet, say);
  const receiptFile = verifyOffline(devnet, proof, say);
  return {
    jobId: proof.jobId,
    provider: proven.provider,
    model,
    promptTokens: proven.promptTokens,
    outputTokens: proven.outputTokens,
    firstTokenMs: answer.firstTokenMs ?? 0,
    verifyMicros: answer.verifyMicros,
    receipts: proof.receipts.length,
    charged: proven.charged.toString(),
    settledHeight: settled.height,
    settleMs: settled.ms,
    outage: ended,
    receiptFile,
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
    const prices = `${aitText(price.inputPerMTok)} in, ${aitText(price.outputPerMTok)} out`;
    say.fact(`${rank + 1}. ${model}: ${prices} per million tokens`);
    say.aside(`   from ${shortAddress(provider)} (${reason}), signed with its key on chain;`);
    say.aside(`   paid every ${windowTokens} tokens: more than that nobody risks`);
  }
  return model;
}

/** An answer of a job with a name, and how long the provider looked at its payment. */
interface PaidAnswer extends ChatAnswer {
  readonly jobId: string;
  readonly verifyMicros: number;
}

async function payAndStream(
  { clients, daemon, signal }: Devnet,
  model: string,
  say: Narrator,
): Promise<PaidAnswer> {
  say.act('The payment is verified, then tokens stream');
  say.fact(`“${question}”`);
  const request = {
    model,
    messages: [{ role: 'user' as const, content: question }],
    max_tokens: outputTokens,
    temperature: 0,
  };
  let verifyMicros: number | undefined;
  const onText = async (piece: string) => {
    verifyMicros ??= await tellPayment(clients.provider, say);
    say.stream(piece);
  };
  const transport = createTransport();
  const link = { transport, gatewayUrl: daemon('gateway').url, signal };
  const answer = await streamChat(link, request, onText);
  await transport.close();
  say.endStream();
  const { jobId } = answer;
  if (jobId === null || verifyMicros === undefined) {
    throw new AppError('ANSWER_INVALID', { what: 'The gateway', reason: 'it named no job' });
  }
  const rate = Math.round(((answer.outputTokens ?? 0) * 1000) / Math.max(1, answer.durationMs));
  const first = latencyText(answer.firstTokenMs ?? 0);
  say.fact(`first token after ${first}, ${answer.outputTokens} tokens at ${rate} tokens/s`, true);
  return { ...answer, jobId, verifyMicros };
}

async function tellPayment(provider: Devnet['clients']['provider'], say: Narrator) {
  const { verifyMicros } = await provider.status({});
  const time = latencyText(verifyMicros.p50 / 1000);
  say.fact(`payment verified in ${time}, before the engine ran`, true);
  return verifyMicros.p50;
}

function tellReceipts(network: Network, proof: JobProof, say: Narrator): ProvenJob {
  say.act('Signed receipts tile the answer');
  const proven = unwrap(verifyJobProof(network, proof));
  const ranges = proof.receipts.flatMap(({ payload: { from, to } }) =>
    from === to ? [] : [`${from}–${to}`],
  );
  say.fact(`${counted(proof.receipts.length, 'receipt')} signed by the provider`, true);
  say.fact(`their token ranges have no gap and no overlap: ${ranges.join(', ')}`, true);
  const tokens = `${proven.promptTokens} tokens in, ${proven.outputTokens} out`;
  const charged = `${naitText(proven.charged)} (${aitText(proven.charged)})`;
  say.fact(`charged ${charged}: ${tokens}, as offered`, true);
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
    const { status, receipt } = await node.rpc.tx_get({ txId });
    if (status === 'final' && receipt) {
      const ms = performance.now() - begunMs;
      say.fact(
        `the provider's claim is final in block ${receipt.height}, ${latencyText(ms)} later`,
        true,
      );
      await tellChannel(devnet, proven, say);
      return { height: receipt.height, ms, fee: BigInt(receipt.fee) };
    }
    if (performance.now() - begunMs > settleTimeoutMs) {
      throw new AppError('TIMEOUT', { what: 'The settlement', timeoutMs: settleTimeoutMs });
    }
    await pause(pollMs, devnet.signal);
  }
}

async function tellChannel({ clients }: Devnet, { last }: ProvenJob, say: Narrator): Promise<void> {
  const { channelId } = last;
  const { totalClaimed } = await clients.node.rpc.state_getChannel({ channelId });
  expectEqual(totalClaimed, last.chargedCumulative, 'the channel paid what the receipts say');
  say.fact(`the channel has paid ${naitText(totalClaimed)} in all, what the receipts say`, true);
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
    `the provider earned ${naitText(earned)}, less ${naitText(claimFee)} for its claim: ` +
      `${naitText(rise)} more`,
    true,
  );
}

async function tellSupply({ clients }: Devnet, say: Narrator): Promise<string> {
  const audit = await clients.node.rpc.state_audit({});
  expectEqual(audit.supply, audit.genesisSupply, 'no coin appeared or vanished');
  if (audit.problems.length > 0)
    throw new AppError('INTERNAL', { reason: audit.problems.join('; ') });
  const supply = BigInt(aitFromNait(BigInt(audit.supply)).split('.')[0] ?? '0');
  say.fact(`all ${supply.toLocaleString('en')} AIT of the genesis are accounted for`, true);
  return audit.supply;
}

/** Reads the proof back from a file and checks it against nothing but the genesis file. */
function verifyOffline({ home, genesisFile }: Devnet, proof: JobProof, say: Narrator): string {
  say.act('The receipt is verified offline');
  const file = join(home, proofFileName);
  writeProof(file, proof);
  const network = networkOfFile(genesisFile);
  const read = readProof(file);
  unwrap(verifyJobProof(network, read));
  say.fact('signatures, token ranges, text hashes and price hold, without any server', true);
  if (verifyJobProof(network, withOneNaitMore(read)).ok) {
    throw new AppError('INTERNAL', { reason: 'a changed receipt was accepted' });
  }
  say.fact('with one nait more in it, the same receipt is refused', true);
  say.aside(`kept in ${file}`);
  return file;
}

function withOneNaitMore(proof: JobProof): JobProof {
  const receipts = proof.receipts.map(({ payload, ...seal }) => ({
    ...seal,
    payload: { ...payload, charged: String(BigInt(payload.charged) + 1n) },
  }));
  return { ...proof, receipts };
}

function naitText(amountNait: bigint | string): string {
  return `${BigInt(amountNait).toLocaleString('en')} nait`;
}

function expectEqual(got: string | bigint, expected: string | bigint, what: string): void {
  if (got === expected) return;
  throw new AppError('INTERNAL', {
    reason: `it does not hold that ${what}: ${got} against ${expected}`,
  });
}
