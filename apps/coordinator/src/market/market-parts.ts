/** The parts of the market that know one another: offers, measured figures, scores, decisions, reports. */
import {
  createMeasurements,
  createOfferIndex,
  type Measurements,
  type OfferIndex,
} from '@aitbc/market';
import { createStandings, type Standings } from '../audits/standings.ts';
import type { AuditRows } from '../store/audit-rows.ts';
import type { OfferRows, ReportRows } from '../store/market-rows.ts';
import { createDecisionLog, type DecisionLog, type LineStore } from './decisions/decision-log.ts';
import { createScoreBook, type ScoreBook } from './score-book.ts';

/** What a market is made with. */
export interface MarketPartsDeps {
  readonly offers: OfferRows;
  readonly reports: ReportRows;
  readonly audits: AuditRows;
  readonly lines: LineStore;
  /** Name of this process, new with every start. */
  readonly epoch: string;
}

/** The parts. */
export interface MarketParts {
  readonly index: OfferIndex;
  readonly measurements: Measurements;
  readonly scores: ScoreBook;
  readonly standings: Standings;
  readonly decisions: DecisionLog;
}

/** An empty market; its decisions begin with what the store holds. */
export function createMarketParts(deps: MarketPartsDeps): MarketParts {
  const { offers, reports, audits, lines, epoch } = deps;
  const measurements = createMeasurements();
  const standings = createStandings({
    audits,
    onChange(provider) {
      scores.renew(provider);
      index.renew(provider, '');
    },
  });
  const scores = createScoreBook({ offers, reports, audits, standings });
  const index = createOfferIndex({
    measured: measurements.of,
    reputation: scores.scoreOf,
    isSuspect: standings.isSuspect,
  });
  const decisions = createDecisionLog({ epoch }, lines);
  return { index, measurements, scores, standings, decisions };
}
