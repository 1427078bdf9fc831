/**
 * The jobs of a buyer that run: one answer over up to three providers. A job owns the answer so far; a call is its
 * present try at one provider, over one connection whose events come in order or not at all.
 */
import { bodyDigestOf, fullCharge, jobIdOf, limits, priceOf } from '@aitbc/protocol';
import { type CallRow, callKey, createProgress } from '@aitbc/sdk/books';
import { genesisTimeMs } from '../../whole/ground.ts';
import { bodyOf, model, outputMax, promptBound, tokenAt } from '../ground.ts';
import type { AnswerEvent, MarketMessage } from '../messages.ts';
import type { Desk } from './buyer.ts';
import type { Call, Calls, Choice, Crew, Job, Wish } from './call.ts';
import { channelFor } from './channels.ts';
import { checkCover, limitOf, sendStart } from './pay-call.ts';

const runningMax = 4;
const fundingTries = 30;
const patienceHops = 25;

/** The calls of one life. */
export function createCalls(deskOf: () => Desk): Calls {
  const open = new Map<number, Call>();
  let jobs = 0;
  let conns = 0;
  const crew: Crew = {
    desk: deskOf,
    open,
    nextConn: () => {
      conns += 1;
      return conns + Math.floor(deskOf().world.nowUs() / 1000) * 1000;
    },
    over(job, isWhole) {
      jobs -= 1;
      job.onDone?.(isWhole);
    },
  };
  return {
    begin(wish) {
      if (jobs >= runningMax) return wish?.onDone(false);
      jobs += 1;
      attempt(crew, newJob(deskOf(), wish));
    },
    repeat(row) {
      const again = againOf(deskOf(), row);
      if (!again || jobs >= runningMax) return;
      jobs += 1;
      begin(crew, again.job, again.choice);
    },
    hear(from, message) {
      if (!('conn' in message)) return;
      const call = open.get(message.conn);
      if (!call && message.type === 'stream') return hangUp(deskOf(), from, message.conn);
      if (!call || call.endpoint !== from) return;
      if (message.type === 'stream') takeEvent(crew, call, message);
      else if (message.type === 'taken') taken(crew, call);
      else if (message.type === 'refused') refused(crew, call, message);
    },
  };
}

function newJob({ ground, party, random, nextKey }: Desk, wish: Wish | undefined): Job {
  const most = wish?.most ?? random.pick([1, 3, 10, 20, outputMax]);
  const key = `${nextKey()}-${most}`;
  const isPatient = wish !== undefined || random.chance(0.85);
  const leavesAt = isPatient ? Number.POSITIVE_INFINITY : random.below(most);
  const bodyDigest = bodyDigestOf(bodyOf(key, most));
  const identity = { payer: party.person.id, idempotencyKey: key, bodyDigest };
  const jobId = jobIdOf(ground.network, identity);
  const progress = createProgress(ground.network, bodyDigest);
  const facts = { key, most, jobId, bodyDigest, progress, leavesAt, onDone: wish?.onDone };
  return { ...facts, asked: new Set(), tries: 0 };
}

/** The same call at the same provider, within the same promise. */
function againOf({ ground }: Desk, row: CallRow): { job: Job; choice: Choice } | undefined {
  const { idempotencyKey: key, bodyDigest, jobId, channelId, provider, from, tokens } = row;
  const found = [...ground.offers].find(([, { signed }]) => signed.payload.provider === provider);
  if (!found || key === null || from > 0) return undefined;
  const [endpoint, offer] = found;
  const progress = createProgress(ground.network, bodyDigest);
  const facts = { key, jobId, bodyDigest, progress, most: Number(key.split('-').at(-1)) };
  const client = { leavesAt: Number.POSITIVE_INFINITY, onDone: undefined, tries: 0 };
  // What it cannot get there it does not buy elsewhere.
  const job = { ...facts, ...client, asked: new Set(ground.offers.keys()) };
  return { job, choice: { endpoint, offer, channelId, first: tokens } };
}

/** Asks a provider that was not asked yet; waits while its channel has no money. */
function attempt(crew: Crew, job: Job): void {
  const desk = crew.desk();
  const { ground, random, hopMs, world, party } = desk;
  const left = [...ground.offers].filter(([endpoint]) => !job.asked.has(endpoint));
  if (left.length === 0 || job.asked.size >= limits.jobAttempts) {
    crew.over(job, false);
    return;
  }
  const [endpoint, offer] = random.pick(left);
  const first = Math.min(job.most, job.progress.position() + offer.windowTokens);
  const usage = { promptTokens: promptBound, outputTokens: first - job.progress.position() };
  const channelId = channelFor(desk, offer, fullCharge(offer.terms.price, usage));
  if (channelId === undefined) {
    job.tries += 1;
    if (job.tries > fundingTries) {
      crew.over(job, false);
      return;
    }
    world.after(party.endpoint, hopMs * 4, () => attempt(crew, job));
    return;
  }
  job.asked.add(endpoint);
  begin(crew, job, { endpoint, offer, channelId, first });
}

function draftOf(job: Job, { offer, channelId }: Choice, nowMs: number): CallRow {
  const from = job.progress.position();
  return {
    ...{ jobId: job.jobId, channelId, provider: offer.signed.payload.provider, model },
    ...{ offer: offer.signed, bodyDigest: job.bodyDigest, idempotencyKey: job.key, promptBound },
    ...{ from, prefixHash: from > 0 ? job.progress.prefixHash() : null, tokens: from },
    ...{ reserved: 0n, status: 'running', outcome: 'running', promptTokens: 0, outputTokens: 0 },
    ...{ charged: 0n, startedAtMs: nowMs, firstTokenMs: null, durationMs: 0, tail: null },
  };
}

function begin(crew: Crew, job: Job, choice: Choice): void {
  const desk = crew.desk();
  const { ground, conduct, book, world, party } = desk;
  const { offer, channelId, endpoint, first } = choice;
  const draft = draftOf(job, choice, genesisTimeMs + world.nowUs() / 1000);
  const promised = book.promise(draft, first, limitOf(desk));
  if (!promised.ok) {
    attempt(crew, job);
    return;
  }
  const { call: row, maxClaimable, change } = promised.value;
  const checker = conduct.rules.createReceiptChecker({
    network: ground.network,
    call: row,
    offerId: offer.terms.offerId,
    price: priceOf(offer.signed.payload),
    arrived: () => job.progress.tailText(),
  });
  const call: Call = {
    ...{ job, endpoint, offer, key: callKey(row), channelId, conn: crew.nextConn(), checker },
    ...{ from: draft.from, receipts: [], early: new Map(), next: 0, covered: row.tokens },
    ...{ heardMs: world.clockMs(party.endpoint), topUp: 'none', hasAdopted: false, isTaken: false },
  };
  crew.open.set(call.conn, call);
  desk.save(change, () => sendStart(crew, call, maxClaimable));
  watchCall(crew, call);
}

/** Leaves a call that says nothing for too long. */
function watchCall(crew: Crew, call: Call): void {
  const { world, party, hopMs } = crew.desk();
  world.after(party.endpoint, hopMs * patienceHops, () => {
    if (crew.open.get(call.conn) !== call) return;
    const silentMs = world.clockMs(party.endpoint) - call.heardMs;
    if (silentMs >= hopMs * patienceHops) leave(crew, call);
    else watchCall(crew, call);
  });
}

function taken(crew: Crew, call: Call): void {
  const { world, party } = crew.desk();
  call.heardMs = world.clockMs(party.endpoint);
  call.isTaken = true;
  if (call.topUp !== 'sent') return;
  call.topUp = 'none';
  checkCover(crew, call);
}

type Stream = Extract<MarketMessage, { readonly type: 'stream' }>;

function takeEvent(crew: Crew, call: Call, { seq, event }: Stream): void {
  const { world, party } = crew.desk();
  if (seq >= call.next) call.early.set(seq, event);
  for (;;) {
    const next = call.early.get(call.next);
    if (!next || crew.open.get(call.conn) !== call) return;
    call.early.delete(call.next);
    call.next += 1;
    call.heardMs = world.clockMs(party.endpoint);
    happen(crew, call, next);
  }
}

function happen(crew: Crew, call: Call, event: AnswerEvent): void {
  const { party, watch } = crew.desk();
  const { progress, bodyDigest, jobId } = call.job;
  if (event.type === 'text') {
    if (progress.position() + event.tokens > call.covered) {
      distrust(crew, call);
      return;
    }
    const position = progress.position();
    const isRight = event.text === tokenAt(bodyDigest, position);
    watch.arrived(party.endpoint, { endpoint: call.endpoint, jobId, position, isRight });
    progress.addText(event.text, event.tokens);
    if (progress.position() > call.job.leavesAt) {
      abandon(crew, call);
      return;
    }
    checkCover(crew, call);
  } else if (event.type === 'receipt') {
    const verdict = call.checker.check(event.receipt, call.covered);
    if (!verdict.ok) {
      distrust(crew, call);
      return;
    }
    progress.addReceipt(event.receipt);
    call.receipts.push(event.receipt);
  } else if (event.type === 'need') checkCover(crew, call, true);
  else ended(crew, call, event.outcome);
}

type Refused = Extract<MarketMessage, { readonly type: 'refused' }>;

function refused(crew: Crew, call: Call, answer: Refused): void {
  const { book } = crew.desk();
  const { code, of, corrective, needed } = answer;
  if (of === 'voucher') {
    if (code === 'JOB_ENDED' || code === 'JOB_UNKNOWN') call.topUp = 'none';
    else leave(crew, call);
    return;
  }
  const best = corrective?.best;
  if (code === 'VOUCHER_UNDERFUNDED' && best && !call.hasAdopted && book.isOpen(call.key)) {
    call.hasAdopted = true;
    const { charged, reserved } = corrective;
    const books = { charged, reserved, needed, bestMaxClaimable: best.maxClaimable };
    const adopted = book.adopt(call.key, books);
    if (!adopted.ok) {
      distrust(crew, call);
      return;
    }
    const row = book.call(call.key) as CallRow;
    const promised = book.promise(row, call.covered);
    if (!promised.ok) {
      giveUp(crew, call);
      return;
    }
    const change = { ...adopted.value, ...promised.value.change };
    crew.desk().save(change, () => sendStart(crew, call, promised.value.maxClaimable));
    return;
  }
  giveUp(crew, call, code === 'JOB_ENDED');
}

/** A definite refusal: the call never ran, and holds nothing; unless it ran before. */
function giveUp(crew: Crew, call: Call, hasRun = false): void {
  const desk = crew.desk();
  crew.open.delete(call.conn);
  if (call.isTaken || hasRun) desk.settler.later(call.key, {}, call.receipts);
  else if (desk.book.isOpen(call.key)) desk.save(desk.book.release(call.key));
  goOn(crew, call.job);
}

/** The provider failed: what came stays, and is acknowledged when it is back. */
function leave(crew: Crew, call: Call): void {
  const desk = crew.desk();
  const { progress } = call.job;
  crew.open.delete(call.conn);
  hangUp(desk, call.endpoint, call.conn);
  desk.settler.later(call.key, { tail: progress.tail() }, call.receipts);
  progress.closeTail();
  goOn(crew, call.job);
}

/** Ends a connection; who writes to one that is gone hears it then. */
function hangUp({ world, party }: Desk, to: number, conn: number): void {
  world.send(party.endpoint, to, { type: 'leave', conn });
}

/** The client went away: what was promised is settled as it comes. */
function abandon(crew: Crew, call: Call): void {
  const desk = crew.desk();
  crew.open.delete(call.conn);
  hangUp(desk, call.endpoint, call.conn);
  desk.settler.later(call.key, { tail: call.job.progress.tail() }, call.receipts);
  crew.over(call.job, false);
}

function distrust(crew: Crew, call: Call): void {
  const desk = crew.desk();
  desk.settler.distrust(call.key);
  leave(crew, call);
}

function ended(crew: Crew, call: Call, outcome: string): void {
  const desk = crew.desk();
  crew.open.delete(call.conn);
  desk.settler.settle(call.key, call.receipts);
  const { progress } = call.job;
  progress.closeTail();
  if (outcome === 'provider_error') {
    goOn(crew, call.job);
    return;
  }
  crew.over(call.job, outcome === 'complete' && progress.position() === call.job.most);
}

function goOn(crew: Crew, job: Job): void {
  const { progress } = job;
  if (progress.position() >= job.most) {
    crew.over(job, true);
    return;
  }
  if (progress.position() > 0 && !progress.canMove()) {
    crew.over(job, false);
    return;
  }
  attempt(crew, job);
}
