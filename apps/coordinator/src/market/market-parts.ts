/** The parts of the market that know one another: offers, measured figures, scores, decisions, reports. */
import {
  createMeasurements,
  createOfferIndex,
  type Measurements,
  type OfferIndex,
} from '@aitbc/market';
import type { OfferRows, ReportRows } from '../store/market-rows.ts';
import { createDecisionLog, type DecisionLog, type LineStore } from './decisions/decision-log.ts';
import { createScoreBook, type ScoreBook } from './score-book.ts';

/** What a market is made with. */
export interface MarketPartsDeps {
  readonly offers: OfferRows;
  readonly reports: ReportRows;
  readonly lines: LineStore;
  /** Name of this process, new with every start. */
  readonly epoch: string;
}

/** The parts. */
export interface MarketParts {
  readonly index: OfferIndex;
  readonly measurements: Measurements;
  readonly scores: ScoreBook;
  readonly decisions: DecisionLog;
}

/** An empty market; its decisions begin with what the store holds. */
export function createMarketParts({ offers, reports, lines, epoch }: MarketPartsDeps): MarketParts {
  const measurements = createMeasurements();
  const scores = createScoreBook({ offers, reports });
  const index = createOfferIndex({ measured: measurements.of, reputation: scores.scoreOf });
  return { index, measurements, scores, decisions: createDecisionLog({ epoch }, lines) };
}
