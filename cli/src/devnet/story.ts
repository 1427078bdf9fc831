/**
 * The main job, told as it happens on the running devnet: nothing in here is made up for the show. Each
 * line is read back from the daemons or computed from what they signed, and what must hold is checked.
 */
import { join } from 'node:path';
import { aitFromNait, systemClock } from '@aitbc/primitives';
import {
  AppError,
  feeOf,
  type JobProof,
  type Network,
  type ProvenJob,
  unwrap,
  verifyJobProof,
} from '@aitbc/protocol';
import {
  collectChainProof,
  createRpcLightSource,
  createTransport,
  providersOf,
  verifyProofOffline,
} from '@aitbc/sdk';
import { type ChatAnswer, streamChat } from '../ai/stream-chat.ts';
import { aitText } from '../amounts.ts';
import { pause } from '../chain/await-final.ts';
import { readGenesisFile } from '../chain/genesis-file.ts';
import { readProof, writeProof } from '../receipt/read-proof.ts';
import { counted, latencyText, shortAddress } from '../wording.ts';
import type { Devnet } from './bring-up.ts';
import type { Narrator } from './narrator.ts';
import {
  createStrike,
  endFailover,
  type FailoverResult,
  type Strike,
  tellParts,
} from './story-failover.ts';
import { beginOutage, endOutage, type OutageResult } from './story-outage.ts';

const question = 'How does a virtual table use the xColumn method?';
const outputTokens = 128;
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
  /** null with one provider only. */
  readonly failover: FailoverResult | null;
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
  const { answer, struck } = await payAndStream(devnet, model, say);
  const { jobId } = answer;
  const proof = struck
    ? await endFailover(devnet, say, { ...struck, jobId })
    : await devnet.clients.gateway.proof({ jobId });
  const proven = tellReceipts(network, proof, say);
  const outage = await beginOutage(devnet, say);
  const settled = await settle(devnet, proven, say);
  const { height } = settled;
  const ended = outage ? await endOutage(devnet, say, { outage, height }) : null;
  say.act('Every coin is accounted for');
  await tellMoney(devnet, { before, proven, settled }, say);
  const supply = await tellSupply(devnet, say);
  const receiptFile = await verifyOffline(devnet, proof, say);
  return {
    jobId,
    provider: proven.last.provider,
    model,
    promptTokens: proven.promptTokens,
    outputTokens: proven.outputTokens,
    firstTokenMs: answer.firstTokenMs ?? 0,
    verifyMicros: answer.verifyMicros,
    receipts: receiptsOf(proven).length,
    charged: proven.charged.toString(),
    settledHeight: settled.height,
    settleMs: settled.ms,
    failover: struck ? { ...struck, tokensBefore: proven.parts[0]?.to ?? 0 } : null,
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
  devnet: Devnet,
  model: string,
  say: Narrator,
): Promise<{ answer: PaidAnswer; struck: ReturnType<Strike['result']> }> {
  const { providers, daemon, signal } = devnet;
  say.act('The payment is verified, then tokens stream');
  say.fact(`“${question}”`);
  const request = {
    model,
    messages: [{ role: 'user' as const, content: question }],
    max_tokens: outputTokens,
    temperature: 0,
  };
  let verifyMicros: number | undefined;
  const strike = await createStrike(devnet, say);
  let told = Promise.resolve(); // follows what happens, and holds nothing up
  const onText = async (piece: string, provider: string | null) => {
    verifyMicros ??= await tellPayment(providers, say);
    const tellBlow = strike.onPiece(piece, provider);
    told = told.then(async () => {
      await tellBlow?.();
      say.stream(piece);
    });
    told.catch(() => {}); // thrown where it is awaited
  };
  const transport = createTransport();
  const link = { transport, gatewayUrl: daemon('gateway').url, signal };
  const answer = await streamChat(link, request, onText);
  await transport.close();
  await told;
  say.endStream();
  const { jobId } = answer;
  if (jobId === null || verifyMicros === undefined) {
    throw new AppError('ANSWER_INVALID', { what: 'The gateway', reason: 'it named no job' });
  }
  const struck = strike.result();
  tellSpeed(answer, struck, say);
  return { answer: { ...answer, jobId, verifyMicros }, struck };
}

function tellSpeed(answer: ChatAnswer, struck: ReturnType<Strike['result']>, say: Narrator): void {
  const { outputTokens: tokens, durationMs, firstTokenMs } = answer;
  const first = `first token after ${latencyText(firstTokenMs ?? 0)}`;
  if (struck) {
    const gap = latencyText(struck.gapMs);
    say.fact(`the same stream went on at another provider after ${gap}`, true);
    say.fact(`${first}, ${tokens} tokens in all, none lost, none twice`, true);
  } else {
    const rate = Math.round(((tokens ?? 0) * 1000) / Math.max(1, durationMs));
    say.fact(`${first}, ${tokens} tokens at ${rate} tokens/s`, true);
  }
}

/** The one that serves has looked at a payment; the others have not. */
async function tellPayment(providers: Devnet['providers'], say: Narrator): Promise<number> {
  const all = await Promise.all([...providers.values()].map((provider) => provider.status({})));
  const micros = Math.max(...all.map(({ verifyMicros }) => verifyMicros.p50));
  say.fact(`payment verified in ${latencyText(micros / 1000)}, before the engine ran`, true);
  return micros;
}

function tellReceipts(network: Network, proof: JobProof, say: Narrator): ProvenJob {
  say.act('Signed receipts tile the answer');
  const proven = unwrap(verifyJobProof(network, proof));
  const receipts = receiptsOf(proven);
  const ranges = receipts.flatMap(({ from, to }) => (from === to ? [] : [`${from}–${to}`]));
  const signers = counted(proven.parts.length, 'provider');
  say.fact(`${counted(receipts.length, 'receipt')} signed by ${signers}`, true);
  say.fact(`their token ranges have no gap and no overlap: ${ranges.join(', ')}`, true);
  const tokens = `${proven.promptTokens} tokens in, ${proven.outputTokens} out`;
  const charged = `${naitText(proven.charged)} (${aitText(proven.charged)})`;
  if (proven.parts.length > 1) tellParts(proven, say);
  say.fact(`charged ${charged}: ${tokens}, as offered`, true);
  return proven;
}

function receiptsOf({ parts }: ProvenJob) {
  return parts.flatMap(({ receipts }) => receipts);
}

interface Settlement {
  /** Block of the last claim. */
  readonly height: number;
  readonly ms: number;
  /** nait, of all claims */
  readonly fees: bigint;
  /** How many claims. */
  readonly claims: number;
}

/** Asks the providers to claim now and waits until the chain has paid. */
async function settle(devnet: Devnet, proven: ProvenJob, say: Narrator): Promise<Settlement> {
  say.act('The job settles on chain');
  const begunMs = performance.now();
  const earning = proven.parts.filter(({ charged }) => charged > 0n);
  const claims = await Promise.all(earning.map(({ provider }) => claimOf(devnet, provider)));
  const ms = performance.now() - begunMs;
  const height = Math.max(...claims.map((claim) => claim.height));
  const what = claims.length === 1 ? 'its claim is' : `${counted(claims.length, 'claim')} are`;
  say.fact(`${what} final in block ${height}, ${latencyText(ms)} later`, true);
  for (const part of earning) await tellChannel(devnet, part, say);
  const fees = claims.reduce((sum, { fee }) => sum + fee, 0n);
  return { height, ms, fees, claims: claims.length };
}

async function claimOf(devnet: Devnet, address: string): Promise<{ height: number; fee: bigint }> {
  const { node } = devnet.clients;
  const begunMs = performance.now();
  const { txId } = await (await sellerOf(devnet, address)).claimNow({});
  if (!txId) throw new AppError('INTERNAL', { reason: 'the provider had nothing to claim' });
  for (;;) {
    const { status, receipt } = await node.rpc.tx_get({ txId });
    if (status === 'final' && receipt) return { height: receipt.height, fee: BigInt(receipt.fee) };
    if (performance.now() - begunMs > settleTimeoutMs) {
      throw new AppError('TIMEOUT', { what: 'The settlement', timeoutMs: settleTimeoutMs });
    }
    await pause(pollMs, devnet.signal);
  }
}

async function tellChannel(
  { clients }: Devnet,
  { provider, receipts }: ProvenJob['parts'][number],
  say: Narrator,
): Promise<void> {
  const last = receipts.at(-1);
  if (!last) throw new AppError('INTERNAL', { reason: 'a provider was paid without a receipt' });
  const { totalClaimed } = await clients.node.rpc.state_getChannel({ channelId: last.channelId });
  expectEqual(totalClaimed, last.chargedCumulative, 'the channel paid what the receipts say');
  const whose = `the channel of ${shortAddress(provider)}`;
  say.fact(`${whose} has paid ${naitText(totalClaimed)} in all, as its receipts say`, true);
}

interface Balances {
  readonly provider: bigint;
  readonly claimed: bigint;
  /** Transactions they have sent. */
  readonly sent: number;
}

/** The client of a provider. */
async function sellerOf({ providers }: Devnet, address: string) {
  for (const provider of providers.values()) {
    if ((await provider.status({})).provider === address) return provider;
  }
  throw new AppError('PROVIDER_UNKNOWN', { account: address });
}

/** What the providers have, all together. */
async function balances({ clients, providers }: Devnet): Promise<Balances> {
  let sums: Balances = { provider: 0n, claimed: 0n, sent: 0 };
  for (const each of providers.values()) {
    const { provider: address, claimed } = await each.status({});
    const { balance, nonce } = await clients.node.rpc.state_getAccount({ address });
    sums = {
      provider: sums.provider + BigInt(balance),
      claimed: sums.claimed + BigInt(claimed),
      sent: sums.sent + nonce,
    };
  }
  return sums;
}

/**
 * The providers' balances rose by what was claimed since, less the fees of their claims; a provider may have joined the roster
 * of jurors meanwhile.
 */
async function tellMoney(
  devnet: Devnet,
  { before, proven, settled }: { before: Balances; proven: ProvenJob; settled: Settlement },
  say: Narrator,
): Promise<void> {
  const after = await balances(devnet);
  const earned = after.claimed - before.claimed;
  const rise = after.provider - before.provider;
  const { params } = await devnet.clients.node.network();
  const joined = BigInt(after.sent - before.sent - settled.claims);
  const fees = settled.fees + joined * BigInt(feeOf(params, 'auditor_enroll'));
  if (earned === proven.charged) {
    expectEqual(rise, proven.charged - fees, 'the providers have what they earned');
  }
  say.fact(
    `earned: ${naitText(earned)}, less ${naitText(fees)} for ${joined > 0n ? 'claiming and joining a jury' : 'claiming'}: ` +
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

/** Adds the way to the chain, reads the proof back from a file and checks it against nothing but the genesis file. */
async function verifyOffline(
  { home, genesisFile, clients, daemon, signal }: Devnet,
  told: JobProof,
  say: Narrator,
): Promise<string> {
  say.act('The receipt is verified offline');
  const file = join(home, proofFileName);
  const trust = { genesis: readGenesisFile(genesisFile) };
  const providers = providersOf(told.parts.map(({ offer }) => offer.payload));
  const source = createRpcLightSource(clients.node, daemon('node').url);
  const wish = { providers, trust };
  const chain = await collectChainProof(wish, { source, clock: systemClock }, signal);
  writeProof(file, { ...told, chain });
  const read = readProof(file);
  const { chain: proven } = unwrap(verifyProofOffline(read, trust, systemClock));
  say.fact('signatures, token ranges, text hashes and price hold, without any server', true);
  const [registration] = proven.registrations;
  say.fact(
    `the key that signed stood on chain after block ${registration?.at.height}: Merkle path, ` +
      'certificate and validators lead to the genesis document',
    true,
  );
  if (verifyProofOffline(withOneNaitMore(read), trust, systemClock).ok) {
    throw new AppError('INTERNAL', { reason: 'a changed receipt was accepted' });
  }
  say.fact('with one nait more in it, the same receipt is refused', true);
  say.aside(`kept in ${file}`);
  return file;
}

function withOneNaitMore(proof: JobProof): JobProof {
  const parts = proof.parts.map((part) => {
    const receipts = part.receipts.map(({ payload, ...seal }) => ({
      ...seal,
      payload: { ...payload, charged: String(BigInt(payload.charged) + 1n) },
    }));
    return { ...part, receipts };
  });
  return { ...proof, parts };
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
