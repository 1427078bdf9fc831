/**
 * A provider of a market run: the shell of the daemon around the real rules of admission, metering and mandates, over a
 * disk that loses what was not synced. Same order as the daemon: decide, write, sync, and only then answer, run or
 * show a receipt; what goes out is charged with a receipt or not at all; jobs of an earlier life end as failures.
 */
import type { ChannelRecord, JobRecord, KnownJob, Seller } from '@aitbc/market';
import { recordOf } from '@aitbc/market';
import {
  bodyDigestOf,
  type ChannelState,
  type Hex,
  jobIdOf,
  verifyAcknowledgement,
} from '@aitbc/protocol';
import type { Disk } from '../../engine/disk.ts';
import type { Random } from '../../engine/random.ts';
import type { Actor, World } from '../../engine/world.ts';
import { type Commits, createCommits } from '../commits.ts';
import {
  bodyOf,
  type MarketGround,
  model,
  type Party,
  promptBound,
  type StandingOffer,
} from '../ground.ts';
import { type ChainLink, createChainLink } from '../ledger/chain-link.ts';
import type { AckCall, MarketMessage, StartCall, TopUpCall } from '../messages.ts';
import type { Conduct } from '../rules.ts';
import type { MarketWatch } from '../watch.ts';
import { createClaims } from './claims.ts';
import { addReader, createJobs, type Jobs } from './jobs.ts';
import { openStore, type ProviderStore, type ProviderWrite, savedOf } from './store.ts';

export interface ProviderParts {
  readonly world: World<MarketMessage>;
  readonly ground: MarketGround;
  readonly party: Party;
  readonly offer: StandingOffer;
  readonly disk: Disk<ProviderWrite>;
  readonly conduct: Conduct;
  readonly random: Random;
  readonly watch: MarketWatch;
  /** Longest time between two tokens, and between two claims, ms. */
  readonly tokenMs: number;
  readonly claimEveryMs: number;
  /** Told when something leaves that the disk may not have: a moment to die in. */
  readonly onMoment: () => void;
}

/** A provider that is up. */
export interface Provider extends Actor<MarketMessage> {
  readonly books: ReadonlyMap<Hex, ChannelRecord>;
  readonly store: ProviderStore;
  /** Claims whatever is due. */
  claimAll(): void;
}

/** One life of a provider. */
export interface Shop extends ProviderParts {
  readonly seller: Seller;
  readonly store: ProviderStore;
  readonly commits: Commits;
  readonly books: Map<Hex, ChannelRecord>;
  readonly link: ChainLink;
  readonly jobs: Jobs;
  readonly bornUs: number;
  /** Requests that came in this life. */
  readonly calls: Set<string>;
  /** Does something when all so far is on the disk; at once for who does not wait. */
  settled(done: () => void): void;
}

/** Starts a provider from its disk. */
export function startProvider(parts: ProviderParts): Provider {
  const { world, ground, party, disk, conduct } = parts;
  const { endpoint, person } = party;
  const commits = createCommits(disk);
  const store = openStore(disk);
  const claims = createClaims(() => shop);
  const link = createChainLink({
    world,
    ground,
    endpoint,
    random: parts.random,
    onChannel: (channel) => observe(shop, channel),
    onHeard: () => claims.look(),
  });
  const shop: Shop = {
    ...parts,
    seller: { network: ground.network, provider: person.id, authorizer: person.id },
    store,
    commits,
    books: new Map(),
    link,
    jobs: createJobs(() => shop),
    bornUs: world.nowUs(),
    calls: new Set(),
    settled: (done) => (conduct.habits.waitsForDisk ? commits.written(done) : done()),
  };
  for (const { state, saved } of store.channels.values()) {
    shop.books.set(state.channelId, recordOf(state, saved));
  }
  shop.jobs.recover();
  link.start(ground.withdrawDelayMs / 16);
  claims.start(parts.claimEveryMs);
  return {
    books: shop.books,
    store,
    claimAll: () => claims.claim(true),
    receive: (from, message) => receive(shop, from, message),
  };
}

function receive(shop: Shop, from: number, message: MarketMessage): void {
  if (message.type === 'news') shop.link.hear(message);
  else if (message.type === 'start') takeCall(shop, from, message);
  else if (message.type === 'voucher') extend(shop, from, message);
  else if (message.type === 'leave') shop.jobs.leave(from, message.conn);
  else if (message.type === 'receipts')
    showReceipts(shop, from, { jobId: message.jobId, isGivenUp: false, isAck: false });
  else if (message.type === 'acknowledge') acknowledge(shop, from, message);
}

/** A newer state of a channel. What went out is signed for before, because its reservation may go. */
function observe(shop: Shop, channel: ChannelState): void {
  const { books, conduct, watch, party } = shop;
  const { channelId } = channel;
  if (channel.receiver !== party.person.id) return;
  shop.jobs.signAll(channelId);
  const known = books.get(channelId) ?? recordOf(channel);
  const { record, writtenOff } = conduct.rules.observeChannel(known, channel);
  books.set(channelId, record);
  shop.store.save(savedOf(record));
  if (writtenOff > 0n) watch.lost(party.endpoint, channelId, writtenOff);
}

/** A request comes once, however late, over a connection that dies with this end. */
function isConnected({ bornUs, calls }: Shop, from: number, call: StartCall): boolean {
  const key = `${from}/${call.conn}/${call.sentUs}`;
  if (call.sentUs < bornUs || calls.has(key)) return false;
  calls.add(key);
  return true;
}

type Refused = Extract<MarketMessage, { readonly type: 'refused' }>;

function refuse(shop: Shop, to: number, answer: Omit<Refused, 'type'>): void {
  shop.world.send(shop.party.endpoint, to, { type: 'refused', ...answer });
}

function takeCall(shop: Shop, from: number, call: StartCall): void {
  const { offer, seller, books, conduct, link } = shop;
  const { voucher, conn } = call;
  const no = (code: Refused['code'], more: Partial<Refused> = {}): void =>
    refuse(shop, from, { conn, of: 'start', code, corrective: undefined, needed: 0n, ...more });
  if (!isConnected(shop, from, call)) return;
  const record = books.get(voucher.channelId);
  if (!record) {
    link.ask();
    no('VOUCHER_CHANNEL_WRONG');
    return;
  }
  const bodyDigest = bodyDigestOf(bodyOf(call.key, call.tokens));
  const { payer } = record.channel;
  const jobId = jobIdOf(seller.network, { payer, idempotencyKey: call.key, bodyDigest });
  if (conduct.habits.heedsGivingUp && shop.store.isGivenUp(jobId, voucher.channelId)) {
    no('JOB_EXPIRED');
    return;
  }
  const point = call.resume
    ? conduct.rules.verifyResume(seller.network, { jobId, bodyDigest }, call.resume)
    : undefined;
  if (point && !point.ok) {
    no(point.code);
    return;
  }
  const resume = point && { from: point.value.from, prefixHash: point.value.prefixHash };
  const verdict = conduct.rules.admitJob(seller, record, {
    jobId,
    offer: offer.terms,
    known: knownJob(shop, jobId),
    bodyDigest,
    promptBound,
    resume,
    voucher,
    mirrorAgeMs: link.ageMs(),
  });
  if (!verdict.ok) {
    const { code, corrective, facts } = verdict;
    no(code, { corrective, needed: (facts.needed as bigint | undefined) ?? 0n });
    return;
  }
  if (verdict.value.kind === 'attach') {
    const job = shop.jobs.find(jobId);
    job ? addReader(shop, job, { to: from, conn }) : no('JOB_ENDED');
    return;
  }
  const stranger = mandateFault(shop, verdict.value);
  if (stranger) {
    no(stranger);
    return;
  }
  const facts = { jobId, channelId: voucher.channelId, bodyDigest, resume, most: call.tokens };
  begin(shop, verdict.value, { facts, reader: { to: from, conn } });
}

function knownJob({ jobs, store, conduct }: Shop, jobId: Hex): KnownJob | undefined {
  const live = jobs.live(jobId)?.known;
  const row = conduct.habits.remembersJobs ? store.rows.get(jobId) : undefined;
  return (
    live ?? (row && { offerId: row.job.offerId, channelId: row.channelId, resume: row.resume })
  );
}

interface Books {
  readonly record: ChannelRecord;
  readonly job: JobRecord;
}

function mandateFault({ link, party, conduct, watch }: Shop, { record, job }: Books) {
  const { payer, payerAuthorizer } = record.channel;
  const mandate = link.mandateOf(payer, payerAuthorizer);
  const promised = job.charged + job.reserved;
  if (!mandate || payer === payerAuthorizer) return undefined;
  const use = { height: link.height(), model, provider: party.person.id, promised };
  const code = conduct.rules.checkMandate(mandate, use)?.code;
  if (code === undefined) watch.mandated(party.endpoint, mandate, use);
  return code;
}

function begin(shop: Shop, { record, job }: Books, start: Parameters<Jobs['begin']>[1]): void {
  const { facts, reader } = start;
  const { channelId, bodyDigest, resume, jobId } = facts;
  const seen = shop.books.get(channelId)?.channel;
  if (seen) shop.watch.admitted(shop.party.endpoint, seen);
  shop.books.set(channelId, record);
  shop.store.save({ ...savedOf(record), row: { job, channelId, bodyDigest, resume } });
  const live = shop.jobs.begin(job, start);
  shop.settled(() => {
    const { endpoint } = shop.party;
    shop.watch.runs(endpoint, jobId, isDurable(shop, jobId));
    shop.world.send(endpoint, reader.to, {
      type: 'taken',
      conn: reader.conn,
      tokens: job.tokensCovered,
    });
    shop.jobs.run(live);
  });
}

function isDurable({ disk }: Shop, jobId: Hex): boolean {
  return disk.records.findLast(({ row }) => row?.job.jobId === jobId) !== undefined;
}

function extend(shop: Shop, from: number, call: TopUpCall): void {
  const { offer, seller, books, conduct, jobs } = shop;
  const { conn, jobId, channelId } = call;
  const no = (code: Refused['code'], more: Partial<Refused> = {}): void =>
    refuse(shop, from, { conn, of: 'voucher', code, corrective: undefined, needed: 0n, ...more });
  const live = jobs.live(jobId);
  if (!live) {
    no(shop.store.rows.has(jobId) ? 'JOB_ENDED' : 'JOB_UNKNOWN');
    return;
  }
  const record = books.get(channelId);
  if (!record) {
    no('VOUCHER_CHANNEL_WRONG');
    return;
  }
  const { jobMax } = offer.terms;
  const verdict = conduct.rules.extendJob(seller, record, { ...call, jobMax });
  if (!verdict.ok) {
    const { code, corrective, facts } = verdict;
    no(code, { corrective, needed: (facts.needed as bigint | undefined) ?? 0n });
    return;
  }
  const stranger = mandateFault(shop, verdict.value);
  if (stranger) {
    no(stranger);
    return;
  }
  const { job } = verdict.value;
  books.set(channelId, verdict.value.record);
  const { bodyDigest, known } = live;
  const row = { job, channelId, bodyDigest, resume: known.resume };
  shop.store.save({ ...savedOf(verdict.value.record), row });
  jobs.wake(jobId);
  shop.settled(() => {
    shop.world.send(shop.party.endpoint, from, { type: 'taken', conn, tokens: job.tokensCovered });
  });
}

type ReceiptsOf = Extract<MarketMessage, { readonly type: 'receiptsOf' }>;

function showReceipts(
  shop: Shop,
  to: number,
  about: Pick<ReceiptsOf, 'jobId' | 'isAck' | 'isGivenUp'>,
): void {
  shop.commits.written(() => {
    const { jobId } = about;
    const receipts = shop.store.rows.has(jobId) ? shop.store.receipts(jobId) : undefined;
    shop.world.send(shop.party.endpoint, to, { type: 'receiptsOf', ...about, receipts });
  });
}

/** One more receipt for a job that died, over what its buyer says it received. */
function acknowledge(shop: Shop, from: number, { ack, signature }: AckCall): void {
  const { store, books, conduct, seller, offer } = shop;
  const row = store.rows.get(ack.jobId);
  const record = books.get(ack.channelId);
  const answer = (isGivenUp = false): void =>
    showReceipts(shop, from, { jobId: ack.jobId, isGivenUp, isAck: true });
  if (!row && record && ack.from === ack.to) {
    const { payerAuthorizer } = record.channel;
    if (!verifyAcknowledgement(seller.network, { ack, signature }, payerAuthorizer)) return;
    store.save({ givenUp: { jobId: ack.jobId, channelId: ack.channelId } });
    answer(true);
    return;
  }
  if (!row || !record || row.channelId !== ack.channelId) {
    answer();
    return;
  }
  const known = store
    .receipts(ack.jobId)
    .find(
      ({ payload }) =>
        payload.from === ack.from && payload.to === ack.to && payload.textHash === ack.textHash,
    );
  if (known) {
    answer();
    return;
  }
  const job = { ...row.job, promptBound: row.job.promptTokens, reserved: 0n };
  const asked = { ack, signature, job, windowTokens: offer.windowTokens };
  const verdict = conduct.rules.acknowledgeTokens(seller, record, asked);
  if (!verdict.ok) {
    answer();
    return;
  }
  const step = verdict.value;
  const receipt = shop.jobs.sign({ ...row, jobId: ack.jobId }, step, ack.textHash);
  books.set(ack.channelId, step.record);
  store.save({ ...savedOf(step.record), row: { ...row, job: step.job }, receipt });
  answer();
}
