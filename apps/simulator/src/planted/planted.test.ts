import { describe, expect, it } from 'vitest';
import { agreementLevel } from '../agreement/level.ts';
import { runCampaign } from '../campaign/campaign.ts';
import type { Level } from '../campaign/outcome.ts';
import { wholeLevel } from '../whole/level.ts';

/**
 * Each planted fault: what finds it, and how many seeds that takes at most. Faults that need a rare
 * accident get plans of that accident here; docs/spec/simulation.md says how many ordinary seeds they need.
 */
const agreement = [
  ['forgetsOwnVotes', 'honesty', 10],
  ['votesBeforeSync', 'durability', 1],
  ['shortCertificate', 'proof', 5, ['forger']],
  ['duplicateVoters', 'proof', 5, ['forger']],
  ['believesForgedVotes', 'evidence', 5, ['forger']],
  ['nullifiesAndFinalizes', 'honesty', 10],
  ['finalizesUncertified', 'honesty', 10],
  ['ignoresSkippedViews', 'liveness', 20],
  ['neverRepeats', 'liveness', 10],
  ['votesTwiceForLeader', 'honesty', 60],
  ['commitsBackwards', 'order', 10],
  ['skipsAncestors', 'order', 10],
  ['commitsNotarized', 'proof', 2],
  ['losesBodies', 'liveness', 10, ['power']],
  ['ignoresSilence', 'honesty', 20, ['lostJournal']],
  ['believesRanges', 'proof', 20],
] as const;

const whole = [
  ['votesBeforeSync', 'durability', 1],
  ['losesBodies', 'liveness', 12, ['power']],
  ['forgetsOwnVotes', 'honesty', 12],
  ['ignoresSilence', 'honesty', 12, ['lostJournal']],
  ['believesCertificates', 'evidence', 12],
  ['believesForgedVotes', 'proof', 12],
  ['believesTxs', 'signatures', 12, ['thief']],
  ['rootBeforeExecution', 'roots', 1],
  ['commitsBackwards', 'order', 8],
  ['skipsAncestors', 'order', 8],
  ['neverRepeats', 'liveness', 12, ['loss']],
] as const;

type Planted = readonly [string, string, number, (readonly string[])?];

function find(level: Level, [bug, , seeds, only]: Planted) {
  const views = level.name === 'whole' ? 40 : 100;
  const report = runCampaign({
    level,
    bug,
    seed: 1,
    seeds,
    nodes: 4,
    views,
    failuresMax: 1,
    shrinks: false,
    cpuSeconds: () => 0,
    ...(only && { only }),
  });
  return report.failures[0]?.violation.invariant;
}

describe('a fault planted around the core of agreement', () => {
  it.each(agreement.map((row): Planted => row))('%s breaks %s within %i seeds', (...row) => {
    expect(find(agreementLevel, row)).toBe(row[1]);
  });

  it('is each in the table', () => {
    expect(agreement.map(([bug]) => bug).toSorted()).toEqual(agreementLevel.bugs.toSorted());
  });
});

describe('a fault planted around the replica', () => {
  it.each(whole.map((row): Planted => row))('%s breaks %s within %i seeds', (...row) => {
    expect(find(wholeLevel, row)).toBe(row[1]);
  });

  it('is each in the table', () => {
    expect(whole.map(([bug]) => bug).toSorted()).toEqual(wholeLevel.bugs.toSorted());
  });
});
