/** The free calls: price lists, offers, payment state, status, and the owner's claim. */
import { timingSafeEqual } from 'node:crypto';
import { utf8 } from '@aitbc/primitives';
import {
  AppError,
  amountOf,
  type Endpoint,
  errorBodyOf,
  type Hex,
  type OutputOf,
  type ParsedInputOf,
  providerEndpoints,
} from '@aitbc/protocol';
import { type Http, type Log, mountDirectEndpoint, mountEndpoints } from '@aitbc/service';
import type { FastifyRequest } from 'fastify';
import type { Audits } from './audits/audits.ts';
import type { Claimer } from './chain/claim-vouchers.ts';
import type { LinkState } from './coordinator/coordinator-link.ts';
import type { Drain } from './drain.ts';
import type { EngineProbe } from './engines/engine.ts';
import { errorOfRefusal } from './front/payment-terms.ts';
import type { ChannelBooks } from './jobs/channel-books.ts';
import type { QueueGauges } from './jobs/job-queue.ts';
import type { JobDesk } from './jobs/take-job.ts';
import type { TimeSamples } from './jobs/time-samples.ts';
import type { OfferBook } from './offers/offer-book.ts';
import { modelList, tagList } from './offers/price-list.ts';
import type { OneShots } from './oneshot/one-shots.ts';
import { claimableOf } from './oneshot/own-channel.ts';
import type { OwnerSide } from './owner-side.ts';
import type { ProviderStore } from './store.ts';

const { models, ollamaTags, offers, acknowledge, receipt, status, claimNow } = providerEndpoints;
const { bench, earnings, drain, endDrain, ownCases, appealAudit } = providerEndpoints;
const { setPrices: setPricesRow } = providerEndpoints;
const freeEndpoints = {
  ...{ models, ollamaTags, offers, acknowledge, receipt, status, claimNow },
  ...{ bench, earnings, drain, endDrain, setPrices: setPricesRow, ownCases, appealAudit },
};

export interface RouteDeps {
  readonly address: string;
  readonly adminToken: string;
  readonly log: Log;
  readonly offers: OfferBook;
  readonly books: ChannelBooks;
  readonly desk: JobDesk;
  readonly store: ProviderStore;
  readonly claimer: Pick<Claimer, 'claimNow'>;
  readonly oneShots: Pick<OneShots, 'charged'>;
  readonly admissionTimes: TimeSamples;
  readonly queue: () => QueueGauges;
  readonly drain: Pick<Drain, 'begin' | 'end'>;
  readonly probe: () => EngineProbe;
  readonly linkState: () => LinkState;
  readonly audits: Pick<Audits, 'cases' | 'standing' | 'appeal'>;
  readonly owner: Pick<OwnerSide, 'claims' | 'engineTokens' | 'handlers'>;
  /** Tells the coordinator that the offers have changed. */
  readonly tellOffers: () => void;
}

/** Mounts the free calls. */
export function mountFreeRoutes(http: Pick<Http, 'app' | 'direct'>, deps: RouteDeps): void {
  const { claimer, log } = deps;
  // The voucher of every window comes this way.
  mountDirectEndpoint(http, providerEndpoints.extend, {
    handler: (input) => takeTopUp(input, deps),
    log,
  });
  mountDirectEndpoint(http, providerEndpoints.extendMany, {
    handler: ({ vouchers }) => takeTopUps(vouchers, deps),
    log,
  });
  mountEndpoints(http.app, freeEndpoints, {
    log,
    authorize: (row, request) => authorize(row, request, deps.adminToken),
    handlers: {
      models: () => modelList(deps.offers.list()),
      ollamaTags: () => tagList(deps.offers.list()),
      offers: () => ({ offers: deps.offers.list().map(({ signed }) => signed) }),
      async acknowledge(input) {
        const verdict = await deps.desk.acknowledge(input);
        if (!verdict.ok) throw errorOfRefusal(verdict);
        return receiptsOf(input.jobId, deps);
      },
      receipt: ({ jobId }) => receiptsOf(jobId, deps),
      status: () => statusOf(deps),
      claimNow: () => claimer.claimNow(),
      drain: ({ withinMs }) => deps.drain.begin(withinMs),
      endDrain: () => deps.drain.end(),
      setPrices: (input) => setPrices(input, deps),
      ownCases: () => ({ cases: deps.audits.cases() }),
      async appealAudit({ auditId }) {
        await deps.audits.appeal(auditId);
        return { auditId };
      },
      ...deps.owner.handlers,
      earnings: (input) => ({
        ...deps.owner.handlers.earnings(input),
        audits: deps.audits.standing(),
      }),
    },
  });
}

function authorize({ access }: Endpoint, { headers }: FastifyRequest, token: string): undefined {
  if (access !== 'token') return;
  const given = utf8(headers.authorization ?? '');
  const expected = utf8(`Bearer ${token}`);
  if (given.length === expected.length && timingSafeEqual(given, expected)) return;
  throw new AppError('UNAUTHORIZED', { reason: 'the token of admin.token is needed' });
}

async function takeTopUp(
  input: ParsedInputOf<typeof providerEndpoints.extend>,
  { desk }: RouteDeps,
): Promise<OutputOf<typeof providerEndpoints.extend>> {
  const verdict = await desk.extend({ ...input, maxClaimable: amountOf(input.maxClaimable) });
  if (!verdict.ok) throw errorOfRefusal(verdict);
  const { jobId, outcome, tokensCovered, delivered, charged } = verdict.value;
  return { jobId, outcome, tokens: tokensCovered, delivered, charged: charged.toString() };
}

/** All in one turn: they are written together. */
async function takeTopUps(
  vouchers: ParsedInputOf<typeof providerEndpoints.extendMany>['vouchers'],
  deps: RouteDeps,
): Promise<OutputOf<typeof providerEndpoints.extendMany>> {
  const answers = vouchers.map((voucher) =>
    takeTopUp(voucher, deps).catch((error: unknown) => ({ error: errorBodyOf(error) })),
  );
  return { answers: await Promise.all(answers) };
}

function setPrices(
  { model, ...price }: ParsedInputOf<typeof setPricesRow>,
  { offers: book, tellOffers }: RouteDeps,
): OutputOf<typeof setPricesRow> {
  const before = book.current(model)?.offerId;
  const { offerId, signed } = book.reprice(model, price);
  const isNew = offerId !== before;
  if (isNew) tellOffers();
  return { offerId, offer: signed, isNew };
}

async function receiptsOf(
  jobId: Hex,
  { store }: RouteDeps,
): Promise<OutputOf<typeof providerEndpoints.receipt>> {
  await store.written();
  const row = store.job(jobId);
  const offer = row && store.offer(row.offerId);
  if (!row || !offer) throw new AppError('JOB_UNKNOWN', { jobId });
  const receipts = store.receipts(jobId);
  const last = receipts.at(-1)?.payload;
  const hasEnded = last !== undefined && last.outcome !== 'running';
  const settledTxId = hasEnded
    ? store.claimThatPaid(row.channelId, amountOf(last.chargedCumulative))
    : undefined;
  return { jobId, offer, receipts, settledTxId: settledTxId ?? null };
}

function statusOf(deps: RouteDeps): OutputOf<typeof providerEndpoints.status> {
  let charged = 0n;
  let claimed = 0n;
  for (const record of claimableOf(deps.books.all())) {
    charged += record.charged;
    claimed += record.channel.totalClaimed;
  }
  const atOnce = deps.oneShots.charged();
  const { engine, version } = deps.probe();
  return {
    provider: deps.address,
    engine: { name: engine, version },
    models: deps.offers.list().map(({ payload }) => payload.model),
    ...deps.queue(),
    ...deps.store.totals(),
    charged: (charged + atOnce).toString(),
    claimed: (claimed + atOnce).toString(),
    coordinator: deps.linkState(),
    verifyMicros: deps.admissionTimes.summary(),
    engineTokens: deps.owner.engineTokens(),
    claims: deps.owner.claims(),
    audits: deps.audits.standing(),
  };
}
