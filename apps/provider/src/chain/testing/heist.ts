/**
 * An owner with a vault, a thief with its sub-key, an honest provider with its real mirror of mandates and its real
 * books, and a provider that is the thief's friend, on a chain with the real rules; and what each of them can do.
 */
import { hex, sign } from '@aitbc/primitives';
import {
  type Allocation,
  addressOf,
  channelConfigOf,
  channelFromJson,
  channelIdOf,
  claimBytes,
  type Hex,
  jobIdOf,
  type MandateEntry,
  refundBytes,
  rpcTopics,
  signVoucher,
  startContext,
  type TxBody,
  topUpContext,
  zChannel,
  zeroHash,
} from '@aitbc/protocol';
import { type ChannelBooks, createChannelBooks } from '../../jobs/channel-books.ts';
import { createMandateMirror, type MandateMirror } from '../mandate-mirror.ts';
import { type Actor, actorOf, createLedgerChain, type LedgerChain } from './ledger-chain.ts';

/** Who takes part. */
export const [owner, thief, honest, colluder] = [1, 2, 3, 4].map(actorOf) as [
  Actor,
  Actor,
  Actor,
  Actor,
];
const balanceNait = 1_000_000_000_000n;
export const vaultNait = 50_000n;
export const windowMs = 1_000;
export const windowMaxNait = 900n;
const promptBound = 10;

/** What the owner grants. */
export interface Terms
  extends Pick<
    TxBody<'mandate_grant'>,
    'totalMaxNait' | 'jobMaxNait' | 'models' | 'receivers' | 'allows'
  > {
  /** How long it holds. */
  readonly blocks: number;
}

/** A job that the honest provider runs. */
export interface LiveJob {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly model: string;
}

/** What a thief asks for. */
export interface BuyWish {
  /** Number of the job among those that run. */
  readonly job: number;
  readonly tokens: number;
  /** Which of its channels pays. */
  readonly salt: number;
  readonly model: string;
}

/** Everybody, between two blocks. */
export interface Heist {
  readonly chain: LedgerChain;
  readonly mirror: MandateMirror;
  readonly books: ChannelBooks;
  readonly live: Map<number, LiveJob>;
  /** Largest total that any grant gave. */
  totalMaxNait: bigint;
  isRevoked: boolean;
  attempt: number;
  /** Counts what happened. */
  readonly note: (what: string) => void;
}

const price = { inputPerMTok: 1_000_000n, outputPerMTok: 1_000_000n, perRequest: 7n };
const offer = { offerId: 'f5'.repeat(32), price, withdrawDelayMsMin: 1_000, jobMax: 200n };

/** An allocation of the thief, who signs its vouchers. */
export function allocationTo(toHonest: boolean, salt: number, amountNait: bigint): Allocation {
  const { id } = toHonest ? honest : colluder;
  return {
    ...{ receiver: id, receiverAuthorizer: id, payerAuthorizer: thief.id, amount: amountNait },
    ...{ withdrawDelayMs: 1_000, salt: salt.toString(16).padStart(64, '0') },
  };
}

/** Id of the channel of such an allocation. */
export function channelIdFor(chain: LedgerChain, toHonest: boolean, salt: number): Hex {
  const config = channelConfigOf(owner.id, allocationTo(toHonest, salt, 0n));
  return channelIdOf(chain.network, config);
}

/** Everybody at the beginning: the vault is full and the first mandate given. */
export async function begin(granted: Terms, note: Heist['note']): Promise<Heist> {
  const chain = createLedgerChain([owner, thief, honest, colluder], balanceNait);
  const mirror = createMandateMirror({
    ...{ chain: chain.client, provider: honest.id },
    ...{ height: chain.height, ageMs: () => 0 },
    onTrouble(error) {
      throw error;
    },
  });
  await mirror.start(new AbortController().signal);
  const started = new Set<Hex>();
  const books = createChannelBooks({
    seller: { network: chain.network, provider: honest.id, authorizer: honest.id },
    store: {
      channels: () => [],
      saveChannel() {},
      dropChannel() {},
      startJob: (_record, { jobId }) => !started.has(jobId) && started.add(jobId).has(jobId),
      extendJob() {},
      checkpoint() {},
      endJob() {},
      written: async () => {},
    },
    mandates: mirror,
    nowMs: chain.timeMs,
    onLoss() {},
  });
  chain.client.subscribe(`${rpcTopics.receiver}:${addressOf(honest.id)}`, ({ data }) => {
    const channel = channelFromJson(zChannel.parse(data));
    books.observe(channel);
    mirror.track(channel);
  });
  const heist: Heist = {
    ...{ chain, mirror, books, live: new Map(), attempt: 0, note },
    ...{ totalMaxNait: 0n, isRevoked: false },
  };
  chain.send('vault_deposit', owner, { amount: vaultNait, allocations: [] });
  give(heist, granted);
  return heist;
}

/** The owner grants, anew or for the first time. */
export function give(heist: Heist, { blocks, ...granted }: Terms): void {
  const { chain } = heist;
  const expiresAtHeight = chain.height() + blocks;
  const rest = { subKey: thief.id, channelMaxNait: 400n, windowMaxNait, windowMs };
  const body = { ...rest, ...granted, expiresAtHeight };
  const refused = chain.send('mandate_grant', owner, body);
  if (refused) throw new RangeError(`a grant is refused with ${refused}`);
  const { totalMaxNait } = granted;
  if (totalMaxNait > heist.totalMaxNait) heist.totalMaxNait = totalMaxNait;
}

/** The mandate as the chain has it. */
export const mandateOf = ({ chain }: Heist): MandateEntry =>
  chain.mandate(owner.id, thief.id) as MandateEntry;

/** Begins a job at the honest provider with a voucher that is large enough; the job when it is admitted. */
export async function buy(heist: Heist, wish: BuyWish): Promise<LiveJob | undefined> {
  const { chain, books, mirror, live } = heist;
  const channelId = channelIdFor(chain, true, wish.salt);
  const record = books.get(channelId);
  if (!record || live.has(wish.job)) return undefined;
  await mirror.learn(record.channel);
  heist.attempt += 1;
  const bodyDigest = heist.attempt.toString(16).padStart(64, '0');
  const { network } = chain;
  const jobId = jobIdOf(network, { payer: owner.id, idempotencyKey: 'stolen', bodyDigest });
  const { offerId } = offer;
  const need = price.perRequest + BigInt(promptBound + wish.tokens);
  const context = startContext(network, { offerId, jobId, bodyDigest, tokens: wish.tokens });
  const maxClaimable = record.charged + record.reserved + need;
  const voucher = { channelId, maxClaimable, context };
  const { signature } = signVoucher(network, voucher, thief.secretKey);
  const start = { offerId, channelId, tokens: wish.tokens, maxClaimable, signature };
  const base = { jobId, offer, known: undefined, bodyDigest, promptBound, mirrorAgeMs: 0 };
  const verdict = books.admit(channelId, { ...base, voucher: start, model: wish.model });
  heist.note(verdict.ok ? 'admitted' : `admit ${verdict.code}`);
  if (!verdict.ok) return undefined;
  const job = { jobId, channelId, model: wish.model };
  live.set(wish.job, job);
  return job;
}

/** Sends the next voucher of a job; the job when it is taken. */
export function extend(heist: Heist, at: number, more: number): LiveJob | undefined {
  const { chain, books, live } = heist;
  const job = live.get(at);
  const record = job && books.get(job.channelId);
  const held = job && record?.jobs.get(job.jobId);
  if (!job || !record || !held) return undefined;
  const upTo = held.tokensCovered + more;
  const { channelId, jobId, model } = job;
  const maxClaimable = record.charged + record.reserved + BigInt(more);
  const context = topUpContext(chain.network, jobId, upTo);
  const voucher = { channelId, maxClaimable, context };
  const { signature } = signVoucher(chain.network, voucher, thief.secretKey);
  const topUp = { jobId, channelId, tokens: upTo, maxClaimable, signature, jobMax: 200n, model };
  const verdict = books.extend(topUp);
  heist.note(verdict.ok ? 'extended' : `extend ${verdict.code}`);
  return verdict.ok ? job : undefined;
}

/** The job delivers what it can and ends. */
export function end({ books, live }: Heist, at: number, wanted: number): void {
  const job = live.get(at);
  live.delete(at);
  if (!job) return;
  const covered = books.covered(job.channelId, job.jobId);
  books.count(job.jobId, Math.min(wanted, covered), () => {});
  const ending = { outcome: 'complete', promptTokens: 9, isLate: false } as const;
  books.end(job, ending, () => ({ receipt: {} }) as never);
}

function claimOf(
  network: LedgerChain['network'],
  by: Actor,
  rows: TxBody<'channel_claim'>['rows'],
) {
  const authorizerSignature = hex(sign(claimBytes(network, rows), by.secretKey));
  return { receiverAuthorizer: by.id, rows, authorizerSignature };
}

/** The honest provider claims all that is due to it. */
export function claim({ chain, books, note }: Heist): void {
  const rows = books.claimRows();
  if (rows.length === 0) return;
  const refused = chain.send('channel_claim', honest, claimOf(chain.network, honest, rows));
  note(refused ? `claim ${refused}` : 'claim done');
}

/** The thief signs all that is in its friend's channel over to it. */
export function collude({ chain, note }: Heist, salt: number): void {
  const { network } = chain;
  const channelId = channelIdFor(chain, false, salt);
  const maxClaimable = chain.channel(channelId)?.balance ?? 0n;
  if (maxClaimable === 0n) return;
  const voucher = { channelId, maxClaimable, context: zeroHash };
  const { signature } = signVoucher(network, voucher, thief.secretKey);
  const row = { ...voucher, voucherSignature: signature, totalClaimed: maxClaimable };
  if (!chain.send('channel_claim', thief, claimOf(network, colluder, [row]))) note('colluded');
}

/** A provider gives back what it has no promise for; the thief's friend whatever is left. */
export function refund(
  { chain, books, note }: Heist,
  { toHonest, salt }: Place,
  wanted: bigint,
): void {
  const { network } = chain;
  const channelId = channelIdFor(chain, toHonest, salt);
  const channel = chain.channel(channelId);
  if (!channel) return;
  const record = toHonest ? books.get(channelId) : undefined;
  const free = channel.balance - (record?.signedMax ?? channel.totalClaimed);
  const by = toHonest ? honest : colluder;
  const signed = { channelId, amount: wanted < free ? wanted : free };
  const body = { ...signed, refundNonce: channel.refundNonce };
  const authorizerSignature = hex(sign(refundBytes(network, body), by.secretKey));
  if (!chain.send('channel_refund', by, { ...body, authorizerSignature })) note('refunded');
}

/** A channel of the thief. */
export type Place = { readonly toHonest: boolean; readonly salt: number };

/** Begins a withdrawal, or ends the one that is pending. */
export function withdraw(
  { chain, note }: Heist,
  by: Actor,
  [{ toHonest, salt }, wanted]: [Place, bigint],
): void {
  const channelId = channelIdFor(chain, toHonest, salt);
  if (chain.channel(channelId)?.withdrawAmount) chain.send('withdraw_finalize', by, { channelId });
  else if (!chain.send('withdraw_init', by, { channelId, amount: wanted })) note('withdrawing');
}

/** All that honest providers may ever claim of what the thief signed so far, nait. */
export function promisedAtHonest({ books }: Heist): bigint {
  let sum = 0n;
  for (const { charged, reserved } of books.all()) sum += charged + reserved;
  return sum;
}
