/** Endpoint → handler. */
import type { coordinatorEndpoints, facilitatorEndpoints } from '@aitbc/protocol';
import type { Handlers } from '@aitbc/service';
import type { AuditParts } from './audits/audit-parts.ts';
import type { ChainLink } from './chain/chain-link.ts';
import type { ConsoleParts } from './console/console-parts.ts';
import type { EventLog } from './events/event-log.ts';
import { createJobHandlers, type JobRouteDeps } from './jobs/job-routes.ts';
import type { DecisionLog } from './market/decisions/decision-log.ts';
import {
  listModels,
  listOffers,
  listProviders,
  type MarketDeps,
  routeOffers,
} from './market/market.ts';
import type { ScoreBook } from './market/score-book.ts';
import type { ReportDesk } from './market/take-report.ts';
import type { MessageParts } from './messages/message-parts.ts';
import type { PriceParts } from './prices/price-parts.ts';
import type { HttpLogins } from './providers/http-logins.ts';
import type { SurveillanceParts } from './surveillance/surveillance-parts.ts';
import type { CoordinationParts } from './tasks/coordination-parts.ts';
import type { FacilitatorDesk } from './x402/facilitator-desk.ts';
import { listResources } from './x402/list-resources.ts';

/** Parts behind the routes. */
export interface RouteDeps {
  readonly name: string;
  readonly chain: ChainLink;
  readonly market: MarketDeps;
  readonly jobs: JobRouteDeps;
  /** Public key of notices. */
  readonly webhookKey: string;
  readonly desk: ReportDesk;
  readonly events: EventLog;
  readonly prices: PriceParts;
  readonly audits: Pick<AuditParts, 'handlers' | 'desk' | 'canaries'>;
  readonly scores: ScoreBook;
  readonly decisions: DecisionLog;
  readonly logins: HttpLogins;
  readonly facilitator: FacilitatorDesk;
  readonly messages: Pick<MessageParts, 'handlers'>;
  readonly coordination: Pick<CoordinationParts, 'handlers'>;
  readonly console: Pick<ConsoleParts, 'handlers'>;
  readonly surveillance: Pick<SurveillanceParts, 'handlers'>;
}

/** One handler for each row of the table. */
export function createHandlers(deps: RouteDeps): Handlers<typeof coordinatorEndpoints, string> {
  const { market, jobs, desk, audits, scores, decisions, logins } = deps;
  return {
    about: () => about(deps),
    route: (query) => routeOffers(market, query),
    models: () => listModels(market),
    listOffers: (query) => listOffers(market, query),
    listProviders: (query) => listProviders(market, query),
    providerChallenge: () => logins.challenge(),
    providerLogin: (answer) => logins.login(answer),
    decisions: ({ limit }, { request }) => {
      const provider = logins.providerOf(request.headers.authorization);
      return { provider, decisions: decisions.of(provider, limit) };
    },
    providerScore: ({ address, explain }) => scores.answer(address, explain === '1'),
    report: (report) => desk.take(report),
    events: (query) => deps.events.page(query),
    prices: (query, call) => deps.prices.handle(query, call),
    ...createJobHandlers(jobs),
    ...deps.console.handlers(),
    ...deps.messages.handlers(),
    ...deps.coordination.handlers(),
    ...deps.surveillance.handlers(),
    ...audits.handlers(logins),
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

async function about({ name, chain, market, jobs, webhookKey }: RouteDeps) {
  const { name: network, caip2, genesisHash } = chain.network();
  const providers = market.sessions.size;
  const offers = market.index.size;
  const counts = await jobs.book.counts();
  const about = { name, network, caip2, genesisHash, providers, offers };
  return { ...about, jobs: counts, webhookKey };
}
