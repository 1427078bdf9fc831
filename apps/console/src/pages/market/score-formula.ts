/** Formula 1 of docs/spec/market.md, "Reputation", for people: each factor with its figures filled in. */
import type { MarketOutput } from '../../data/sources.ts';

/** A factor as it is written and as a number. */
export interface Factor {
  readonly text: string;
  readonly value: number;
}

type Inputs = MarketOutput<'providerScore'>['inputs'];

const credit = 8;
const failWeight = 4;

/** The three factors of a score. */
export function factorsOf(inputs: Inputs): Record<'delivery' | 'punctuality' | 'honesty', Factor> {
  const { delivered, broken, deadlineHits, deadlineMisses, auditsPassed, auditsFailed } = inputs;
  const [good, all] = [delivered + credit, delivered + broken + credit];
  const [hits, tries] = [deadlineHits + credit, deadlineHits + deadlineMisses + credit];
  const [passed, judged] = [auditsPassed + 1, auditsPassed + 1 + failWeight * auditsFailed];
  return {
    delivery: { text: `${good}/${all}`, value: good / all },
    punctuality: { text: `(1/2 + 1/2 × ${hits}/${tries})`, value: 0.5 + (0.5 * hits) / tries },
    honesty: { text: `${passed}/${judged}`, value: passed / judged },
  };
}
