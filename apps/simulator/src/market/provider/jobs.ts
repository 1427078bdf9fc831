/** The jobs of a provider that run: tokens, receipts, readers, and how each ends. See provider.ts. */
import type { JobRecord, KnownJob, Metered, ResumeMark } from '@aitbc/market';
import {
  firstPrefixHash,
  type Hex,
  limits,
  nextPrefixHash,
  type Outcome,
  type ReceiptPayload,
  type SignedReceipt,
  signDocument,
  textHashOf,
} from '@aitbc/protocol';
import { genesisTimeMs } from '../../whole/ground.ts';
import { tokenAt } from '../ground.ts';
import type { AnswerEvent } from '../messages.ts';
import type { Shop } from './provider.ts';
import { type JournalRow, savedOf } from './store.ts';

/** A connection that reads an answer along. */
export interface Reader {
  readonly to: number;
  readonly conn: number;
}

/** What is fixed of a job. */
export interface JobFacts {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly bodyDigest: Hex;
  readonly resume: ResumeMark | undefined;
  /** Position after the last token that was asked for. */
  readonly most: number;
}

/** A job that runs, or whose answer is kept. */
export interface LiveJob extends JobFacts {
  readonly known: KnownJob;
  readonly log: AnswerEvent[];
  readonly readers: Map<string, Reader & { sent: number }>;
  text: string;
  delivered: number;
  /** Tokens that went out since the last receipt. */
  counted: number;
  isTelling: boolean;
  isWaiting: boolean;
  /** How it ends as soon as the last receipt is told. */
  ending: Exclude<Outcome, 'running'> | undefined;
  hasEnded: boolean;
}

export interface Jobs {
  live(jobId: Hex): LiveJob | undefined;
  /** A job that runs or whose answer is kept. */
  find(jobId: Hex): LiveJob | undefined;
  begin(job: JobRecord, start: { readonly facts: JobFacts; readonly reader: Reader }): LiveJob;
  run(job: LiveJob): void;
  wake(jobId: Hex): void;
  /** A connection is gone. */
  leave(from: number, conn: number): void;
  /** Signs for all that went out on a channel. */
  signAll(channelId: Hex): void;
  sign(
    row: Pick<JournalRow, 'bodyDigest' | 'channelId' | 'resume'> & { readonly jobId: Hex },
    step: Metered,
    textHash: Hex,
  ): SignedReceipt;
  /** Ends what an earlier life has left running. */
  recover(): void;
}

const promptTokens = 13;
const keptMax = 64;
/** Chance that the engine breaks at a token. */
const engineFailure = 0.003;

/** The jobs of one life. */
export function createJobs(shopOf: () => Shop): Jobs {
  const running = new Map<Hex, LiveJob>();
  const kept = new Map<Hex, LiveJob>();
  const jobs: Jobs = {
    live: (jobId) => running.get(jobId),
    find: (jobId) => running.get(jobId) ?? kept.get(jobId),
    begin({ offerId, delivered }, { facts, reader }) {
      const { channelId, resume, jobId } = facts;
      const job: LiveJob = {
        ...facts,
        known: { offerId, channelId, resume },
        log: [],
        readers: new Map([[keyOf(reader), { ...reader, sent: 0 }]]),
        text: '',
        delivered,
        counted: 0,
        isTelling: false,
        isWaiting: false,
        ending: undefined,
        hasEnded: false,
      };
      running.set(jobId, job);
      return job;
    },
    run: (job) => pump(shopOf(), job),
    wake(jobId) {
      const job = running.get(jobId);
      if (!job?.isWaiting) return;
      job.isWaiting = false;
      pump(shopOf(), job);
    },
    leave(to, conn) {
      for (const job of running.values()) {
        if (!job.readers.delete(keyOf({ to, conn })) || job.readers.size > 0) continue;
        return end(shopOf(), job, 'client_abort');
      }
    },
    signAll(channelId) {
      for (const job of running.values()) {
        if (job.channelId === channelId && job.counted > 0) checkpoint(shopOf(), job);
      }
    },
    sign: (row, step, textHash) => sign(shopOf(), row, { step, textHash }),
    recover: () => recover(shopOf()),
  };
  const end = (shop: Shop, job: LiveJob, outcome: Exclude<Outcome, 'running'>): void => {
    if (job.hasEnded) return;
    job.ending ??= outcome;
    if (!job.isTelling) finish(shop, job, { running, kept });
  };
  const { pump, checkpoint } = createEngine(end);
  return jobs;
}

function keyOf({ to, conn }: Reader): string {
  return `${to}/${conn}`;
}

/** Lets a connection read an answer from its first event. */
export function addReader(shop: Shop, job: LiveJob, reader: Reader): void {
  const { endpoint } = shop.party;
  shop.settled(() => {
    shop.world.send(endpoint, reader.to, { type: 'taken', conn: reader.conn, tokens: 0 });
    job.readers.set(keyOf(reader), { ...reader, sent: 0 });
    flush(shop, job);
  });
}

function append(shop: Shop, job: LiveJob, event: AnswerEvent): void {
  job.log.push(event);
  flush(shop, job);
}

function flush({ world, party }: Shop, job: LiveJob): void {
  for (const reader of job.readers.values()) {
    for (; reader.sent < job.log.length; reader.sent += 1) {
      const event = job.log[reader.sent] as AnswerEvent;
      world.send(party.endpoint, reader.to, {
        type: 'stream',
        conn: reader.conn,
        seq: reader.sent,
        event,
      });
    }
  }
}

/** What comes after the tokens so far: the end, another token, a wait for its voucher, or silence. */
function whatNext({ conduct, random, watch, books, party }: Shop, job: LiveJob) {
  const { delivered, most, jobId, channelId, resume } = job;
  const { stallsAfter, waitsForCover } = conduct.habits;
  if (delivered >= most) return 'complete';
  if (random.chance(engineFailure)) return 'provider_error';
  if (delivered - (resume?.from ?? 0) >= stallsAfter) return 'silence';
  const covered = books.get(channelId)?.jobs.get(jobId)?.tokensCovered ?? 0;
  if (waitsForCover && delivered + 1 > covered) return 'wait';
  watch.gave(party.endpoint, jobId, { position: delivered, covered });
  return 'give';
}

type EndJob = (shop: Shop, job: LiveJob, outcome: Exclude<Outcome, 'running'>) => void;

/** The engine of the jobs: gives tokens while vouchers cover them, and signs at the end of each window. */
function createEngine(end: EndJob) {
  const checkpoint = (shop: Shop, job: LiveJob): void => {
    const record = shop.books.get(job.channelId);
    if (!record?.jobs.has(job.jobId)) return;
    const delivery = { outputTokens: job.counted, promptTokens };
    const step = shop.conduct.rules.deliverTokens(record, job.jobId, delivery);
    const receipt = sign(shop, job, { step, textHash: textHashOf(job.text) });
    write(shop, job, { step, receipt });
    job.isTelling = true;
    shop.settled(() => {
      shop.watch.shown(shop.party.endpoint, receipt, isDurable(shop, receipt));
      append(shop, job, { type: 'receipt', receipt });
      job.isTelling = false;
      if (job.ending) end(shop, job, job.ending);
    });
  };
  const give = (shop: Shop, job: LiveJob): void => {
    const text = tokenAt(job.bodyDigest, job.delivered);
    job.text += text;
    job.delivered += 1;
    job.counted += 1;
    append(shop, job, { type: 'text', text, tokens: 1 });
    if (job.counted >= shop.offer.windowTokens && job.delivered < job.most) checkpoint(shop, job);
  };
  const pump = (shop: Shop, job: LiveJob): void => {
    const { random, world, party } = shop;
    if (job.hasEnded || job.ending) return;
    const next = job.isTelling ? 'later' : whatNext(shop, job);
    if (next === 'complete' || next === 'provider_error') end(shop, job, next);
    else if (next === 'wait') wait(shop, job, end);
    else if (next === 'give') give(shop, job);
    if (next !== 'give' && next !== 'later') return;
    world.after(party.endpoint, random.unit() * shop.tokenMs, () => pump(shop, job));
  };
  return { pump, checkpoint };
}

function wait(shop: Shop, job: LiveJob, end: EndJob): void {
  if (job.isWaiting) return;
  job.isWaiting = true;
  const at = job.delivered;
  append(shop, job, { type: 'need', tokens: at + 1 });
  shop.world.after(shop.party.endpoint, limits.needVoucherWaitMs, () => {
    if (job.isWaiting && job.delivered === at) end(shop, job, 'limit');
  });
}

interface Shelves {
  readonly running: Map<Hex, LiveJob>;
  readonly kept: Map<Hex, LiveJob>;
}

function finish(shop: Shop, job: LiveJob, { running, kept }: Shelves): void {
  const { jobId, channelId, ending = 'provider_error' } = job;
  const record = shop.books.get(channelId);
  if (!record) throw new Error('a live job has no books');
  job.hasEnded = true;
  running.delete(jobId);
  kept.set(jobId, job);
  const oldest = kept.size > keptMax ? kept.keys().next().value : undefined;
  if (oldest !== undefined) kept.delete(oldest);
  const ended = { outcome: ending, outputTokens: job.counted, promptTokens, isLate: false };
  const step = shop.conduct.rules.endJob(record, jobId, ended);
  const receipt = sign(shop, job, { step, textHash: textHashOf(job.text) });
  write(shop, job, { step, receipt });
  shop.settled(() => {
    shop.watch.shown(shop.party.endpoint, receipt, isDurable(shop, receipt));
    append(shop, job, { type: 'receipt', receipt });
    append(shop, job, { type: 'end', outcome: ending });
  });
}

interface Signed {
  readonly step: Metered;
  readonly receipt: SignedReceipt;
}

function write(shop: Shop, job: LiveJob, { step, receipt }: Signed): void {
  const { channelId, bodyDigest, resume } = job;
  shop.books.set(channelId, step.record);
  const row = { job: step.job, channelId, bodyDigest, resume };
  shop.store.save({ ...savedOf(step.record), row, receipt });
  job.text = '';
  job.counted = 0;
}

function isDurable({ disk }: Shop, receipt: SignedReceipt): boolean {
  return disk.records.findLast((record) => record.receipt === receipt) !== undefined;
}

/** The next receipt of a job, after those in the store. */
function sign(
  shop: Shop,
  row: Pick<JournalRow, 'bodyDigest' | 'channelId' | 'resume'> & { readonly jobId: Hex },
  { step, textHash }: { readonly step: Metered; readonly textHash: Hex },
): SignedReceipt {
  const { seller, offer, party, world } = shop;
  const { network } = seller;
  const { record, job } = step;
  const last = shop.store.receipts(row.jobId).at(-1)?.payload;
  const first = row.resume?.prefixHash ?? firstPrefixHash(network, row.bodyDigest);
  const terms = offer.signed.payload;
  const payload: ReceiptPayload = {
    v: 1,
    network: network.caip2,
    jobId: row.jobId,
    offerId: offer.terms.offerId,
    channelId: row.channelId,
    provider: terms.provider,
    model: terms.model,
    digest: terms.digest,
    from: last?.to ?? row.resume?.from ?? 0,
    to: job.delivered,
    prefixHash: last ? nextPrefixHash(network, last) : first,
    textHash,
    promptTokens: job.promptTokens,
    outcome: job.outcome,
    charged: `${job.charged}`,
    chargedCumulative: `${record.charged}`,
    atMs: genesisTimeMs + Math.floor(world.nowUs() / 1000),
  };
  const signer = { publicKey: party.person.id, secretKey: party.person.secretKey };
  const shown = shop.conduct.habits.receipt(payload);
  return signDocument({ tag: 'receipt', network }, shown, signer) as SignedReceipt;
}

/** Jobs that ran when the last life ended: failed, with the charge of their last receipt. */
function recover(shop: Shop): void {
  for (const row of [...shop.store.rows.values()]) {
    if (row.job.outcome !== 'running') continue;
    const { channelId } = row;
    const record = shop.books.get(channelId);
    if (!record) throw new Error('the journal names a job without its books');
    const last = shop.store.receipts(row.job.jobId).at(-1)?.payload;
    const from = row.resume?.from ?? 0;
    const delivered = last?.to ?? from;
    const job: JobRecord = { ...row.job, delivered, reserved: 0n, outcome: 'provider_error' };
    const facts = { ...row, jobId: job.jobId };
    const receipt = sign(shop, facts, { step: { record, job }, textHash: textHashOf('') });
    shop.store.save({ row: { ...row, job }, receipt });
  }
}
