/** The vouchers of a call: the first one, and the next window while the answer comes. */
import { type Hex, resumeContext, startContext, topUpContext } from '@aitbc/protocol';
import type { StartCall } from '../messages.ts';
import type { Desk } from './buyer.ts';
import type { Call, Crew } from './call.ts';

const topUpHops = 8;

/** A sub-key promises no more for a job than its mandate allows. */
export function limitOf({ party, ground, conduct }: Desk): (() => bigint) | undefined {
  const isBound = party.isMandated && conduct.habits.obeysMandate;
  return isBound && ground.jobMaxNait > 0n ? () => ground.jobMaxNait : undefined;
}

/** Signs the first voucher and asks. */
export function sendStart(crew: Crew, call: Call, maxClaimable: bigint): void {
  const { ground, party, conduct, watch, world } = crew.desk();
  const { job, channelId, offer, covered: tokens } = call;
  const { offerId } = offer.terms;
  const terms = { offerId, jobId: job.jobId, bodyDigest: job.bodyDigest, tokens };
  const { from } = call;
  const resumes = from > 0;
  const context = resumes
    ? resumeContext(ground.network, { ...terms, from, prefixHash: job.progress.prefixHash() })
    : startContext(ground.network, terms);
  const unsigned = { channelId, maxClaimable, context };
  const { signature } = conduct.rules.signVoucher(ground.network, unsigned, party.hotKey.secretKey);
  watch.signed(party.endpoint, {
    channelId,
    maxClaimable,
    isDurable: isDurable(crew.desk(), channelId, maxClaimable),
  });
  const voucher = { offerId, channelId, tokens, maxClaimable, signature };
  const resume = resumes ? job.progress.resume() : undefined;
  const start: StartCall = {
    type: 'start',
    conn: call.conn,
    sentUs: world.nowUs(),
    key: job.key,
    tokens: job.most,
    voucher,
    resume,
  };
  world.send(party.endpoint, call.endpoint, start);
}

/** Promises the next window when little of the last one is left. */
export function checkCover(crew: Crew, call: Call, isDemanded = false): void {
  const desk = crew.desk();
  const { conduct, book, watch, party } = desk;
  const { job, offer } = call;
  const received = job.progress.position();
  const tokens = Math.min(job.most, received + offer.windowTokens);
  if (call.topUp !== 'none' || tokens <= call.covered || !conduct.habits.paysOn) return;
  if (!isDemanded && call.covered - received > offer.windowTokens / 2) return;
  const row = book.call(call.key);
  if (!row || !book.isOpen(call.key)) return;
  const promised = book.promise(row, tokens, limitOf(desk));
  if (!promised.ok) return; // without a voucher the provider ends the job as `limit`
  call.topUp = 'storing';
  call.covered = tokens;
  watch.covers(party.endpoint, { received, tokens, windowTokens: offer.windowTokens });
  desk.save(promised.value.change, () => sendTopUp(crew, call, promised.value.maxClaimable));
}

function sendTopUp(crew: Crew, call: Call, maxClaimable: bigint): void {
  const { ground, party, conduct, watch, world, hopMs } = crew.desk();
  if (crew.open.get(call.conn) !== call) return;
  call.topUp = 'sent';
  const { channelId, covered: tokens, conn, job } = call;
  const context = topUpContext(ground.network, job.jobId, tokens);
  const unsigned = { channelId, maxClaimable, context };
  const { signature } = conduct.rules.signVoucher(ground.network, unsigned, party.hotKey.secretKey);
  watch.signed(party.endpoint, {
    channelId,
    maxClaimable,
    isDurable: isDurable(crew.desk(), channelId, maxClaimable),
  });
  const { jobId } = job;
  const facts = { conn, jobId, channelId, tokens, maxClaimable, signature };
  world.send(party.endpoint, call.endpoint, { type: 'voucher', ...facts });
  world.after(party.endpoint, hopMs * topUpHops, () => {
    if (call.topUp === 'sent' && call.covered === tokens) sendTopUp(crew, call, maxClaimable);
  });
}

function isDurable({ disk }: Desk, channelId: Hex, cap: bigint): boolean {
  const row = disk.records.findLast(
    ({ channel }) => channel?.channelId === channelId && channel.signedMax >= cap,
  );
  return row !== undefined;
}
