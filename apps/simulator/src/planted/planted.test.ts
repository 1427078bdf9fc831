import { describe, expect, it } from 'vitest';
import { agreementLevel } from '../agreement/level.ts';
import { runCampaign } from '../campaign/campaign.ts';
import type { Level } from '../campaign/outcome.ts';
import { marketLevel } from '../market/level.ts';
import { wholeLevel } from '../whole/level.ts';

/**
 * Each planted fault: what finds it, and how many seeds that takes at most. Faults that need a rare
 * accident get plans of that accident here; docs/spec/simulation.md says how many ordinary seeds they need.
 */
const agreement: readonly Planted[] = [
  { bug: 'forgetsOwnVotes', breaks: 'honesty', seeds: 10 },
  { bug: 'votesBeforeSync', breaks: 'durability', seeds: 1 },
  { bug: 'shortCertificate', breaks: 'proof', seeds: 5, only: ['forger'] },
  { bug: 'duplicateVoters', breaks: 'proof', seeds: 5, only: ['forger'] },
  { bug: 'believesForgedVotes', breaks: 'evidence', seeds: 5, only: ['forger'] },
  { bug: 'nullifiesAndFinalizes', breaks: 'honesty', seeds: 10 },
  { bug: 'finalizesUncertified', breaks: 'honesty', seeds: 10 },
  { bug: 'ignoresSkippedViews', breaks: 'liveness', seeds: 20 },
  { bug: 'neverRepeats', breaks: 'liveness', seeds: 10 },
  { bug: 'votesTwiceForLeader', breaks: 'honesty', seeds: 60 },
  { bug: 'commitsBackwards', breaks: 'order', seeds: 10 },
  { bug: 'skipsAncestors', breaks: 'order', seeds: 10 },
  { bug: 'commitsNotarized', breaks: 'proof', seeds: 2 },
  { bug: 'losesBodies', breaks: 'liveness', seeds: 10, only: ['power'] },
  { bug: 'ignoresSilence', breaks: 'honesty', seeds: 20, only: ['lostJournal'] },
  { bug: 'believesRanges', breaks: 'proof', seeds: 20 },
];

const whole: readonly Planted[] = [
  { bug: 'votesBeforeSync', breaks: 'durability', seeds: 1 },
  { bug: 'losesBodies', breaks: 'liveness', seeds: 12, only: ['power'] },
  { bug: 'forgetsOwnVotes', breaks: 'honesty', seeds: 12 },
  { bug: 'ignoresSilence', breaks: 'honesty', seeds: 12, only: ['lostJournal'] },
  { bug: 'believesCertificates', breaks: 'proof', seeds: 12 },
  { bug: 'believesForgedVotes', breaks: 'proof', seeds: 12 },
  { bug: 'believesTxs', breaks: 'signatures', seeds: 12, only: ['thief'] },
  { bug: 'rootBeforeExecution', breaks: 'roots', seeds: 1 },
  { bug: 'commitsBackwards', breaks: 'order', seeds: 8 },
  { bug: 'skipsAncestors', breaks: 'order', seeds: 8 },
  { bug: 'neverRepeats', breaks: 'liveness', seeds: 12, only: ['loss'] },
];

const market: readonly Planted[] = [
  { bug: 'actsBeforeDisk', breaks: 'durability', seeds: 2 },
  { bug: 'forgetsJobs', breaks: 'once', seeds: 10, only: ['crash', 'power'] },
  { bug: 'givesUncovered', breaks: 'windows', seeds: 4 },
  { bug: 'freesReservations', breaks: 'trust', seeds: 4 },
  { bug: 'runsGivenUpJobs', breaks: 'once', seeds: 12, only: ['pause', 'clog', 'slow'] },
  { bug: 'missesWithdrawals', breaks: 'paid', seeds: 8, only: ['withdrawer'] },
  { bug: 'ignoresMandates', breaks: 'mandate', seeds: 8, only: ['thief'] },
  { bug: 'chargesThePromptOfFailures', breaks: 'overlap', seeds: 6 },
  { bug: 'chargesThePrefix', breaks: 'trust', seeds: 4 },
  { bug: 'claimsTheCap', breaks: 'trust', seeds: 4 },
  { bug: 'promisesTwice', breaks: 'trust', seeds: 6 },
  { bug: 'believesReceipts', breaks: 'fair', seeds: 8, only: ['overcharger'] },
  { bug: 'paysWithdrawalsTwice', breaks: 'conservation', seeds: 4 },
  { bug: 'forgetsDates', breaks: 'locks', seeds: 4 },
  { bug: 'forgetsSpending', breaks: 'mandate', seeds: 2 },
];

/** Needs an accident so rare that an ordinary test cannot wait for it; the spec has its seed. */
const rare = ['claimsBeforeDisk'];

interface Planted {
  readonly bug: string;
  readonly breaks: string;
  readonly seeds: number;
  readonly only?: readonly string[];
}

function find(level: Level, { bug, seeds, only }: Planted) {
  const views = { agreement: 100, whole: 40, market: 120 }[level.name];
  const report = runCampaign({
    level,
    bug,
    seed: 1,
    seeds,
    nodes: level.nodes,
    views,
    failuresMax: 1,
    shrinks: false,
    cpuSeconds: () => 0,
    ...(only && { only }),
  });
  return report.failures[0]?.violation.invariant;
}

describe('a fault planted around the core of agreement', () => {
  it.each(agreement)('$bug breaks $breaks within $seeds seeds', (row) => {
    expect(find(agreementLevel, row)).toBe(row.breaks);
  });

  it('is each in the table', () => {
    expect(agreement.map(({ bug }) => bug).toSorted()).toEqual(agreementLevel.bugs.toSorted());
  });
});

describe('a fault planted around the replica', () => {
  it.each(whole)('$bug breaks $breaks within $seeds seeds', (row) => {
    expect(find(wholeLevel, row)).toBe(row.breaks);
  });

  it('is each in the table', () => {
    expect(whole.map(({ bug }) => bug).toSorted()).toEqual(wholeLevel.bugs.toSorted());
  });
});

describe('a fault planted around the market', () => {
  it.each(market)('$bug breaks $breaks within $seeds seeds', (row) => {
    expect(find(marketLevel, row)).toBe(row.breaks);
  });

  it('is each in the table', () => {
    const found = [...market.map(({ bug }) => bug), ...rare];
    expect(found.toSorted()).toEqual(marketLevel.bugs.toSorted());
  });
});
