/** Endpoint → handler. */
import type { coordinatorEndpoints, facilitatorEndpoints } from '@aitbc/protocol';
import type { Handlers } from '@aitbc/service';
import type { ChainLink } from './chain/chain-link.ts';
import { cancelJob, type ShowDeps, showJob, showResult, viewOf } from './jobs/show-jobs.ts';
import { type SubmitDeps, submitJob } from './jobs/submit-job.ts';
import {
  listModels,
  listOffers,
  listProviders,
  type MarketDeps,
  routeOffers,
} from './market/market.ts';
import type { ReportDesk } from './market/take-report.ts';
import type { FacilitatorDesk } from './x402/facilitator-desk.ts';
import { listResources } from './x402/list-resources.ts';

/** Parts behind the routes. */
export interface RouteDeps {
  readonly name: string;
  readonly chain: ChainLink;
  readonly market: MarketDeps;
  readonly submit: SubmitDeps;
  readonly show: ShowDeps;
  readonly desk: ReportDesk;
  readonly facilitator: FacilitatorDesk;
}

/** One handler for each row of the table. */
export function createHandlers(deps: RouteDeps): Handlers<typeof coordinatorEndpoints> {
  const { market, submit, show, desk } = deps;
  return {
    about: () => about(deps),
    route: (query) => routeOffers(market, query),
    models: () => listModels(market),
    listOffers: (query) => listOffers(market, query),
    listProviders: (query) => listProviders(market, query),
    report: async (report) => ({ accepted: await desk.take(report) }),
    submitJob: async (submission) => viewOf(await submitJob(submit, submission)),
    getJob: ({ jobId }) => showJob(show, jobId),
    cancelJob: ({ jobId }) => cancelJob(show, jobId),
    jobResult: ({ jobId }) => showResult(show, jobId),
  };
}

/** One handler for each row of the facilitator's table. */
export function createFacilitatorHandlers({
  facilitator,
  market,
}: RouteDeps): Handlers<typeof facilitatorEndpoints> {
  return {
    verify: (sale) => facilitator.verify(sale.paymentPayload, sale.paymentRequirements),
    settle: (sale) => facilitator.settle(sale.paymentPayload, sale.paymentRequirements),
    supported: () => facilitator.supported(),
    discovery: (query) => listResources(market, query),
  };
}

function about({ name, chain, market, show }: RouteDeps) {
  const { name: network, caip2, genesisHash } = chain.network();
  const providers = market.sessions.size;
  const offers = market.index.size;
  return { name, network, caip2, genesisHash, providers, offers, jobs: show.book.counts() };
}
