import { describe, expect, it } from 'vitest';
import { agreementLevel } from '../agreement/level.ts';
import { keepOf, planOf } from '../faults/plan.ts';
import { marketLevel } from '../market/level.ts';
import { optionsOf, UsageError } from '../options.ts';
import { wholeLevel } from '../whole/level.ts';
import { type CampaignOptions, campaignPlan, runCampaign } from './campaign.ts';
import type { Level } from './outcome.ts';
import { repeatCommand, reportJson, reportText } from './report.ts';
import { traceOf } from './trace.ts';

const levels: readonly Level[] = [agreementLevel, wholeLevel];
const market = { level: marketLevel, nodes: marketLevel.nodes, views: 120 };

function campaign(changed: Partial<CampaignOptions>) {
  return runCampaign({
    level: agreementLevel,
    seed: 1,
    seeds: 1,
    nodes: 4,
    views: 60,
    failuresMax: 1,
    cpuSeconds: () => 0,
    ...changed,
  });
}

describe.each(levels)('the level $name', (level) => {
  const size = level.name === 'whole' ? { seeds: 8, views: 25 } : { seeds: 60, views: 100 };

  it('does the same for the same seed, to the last event', () => {
    const plan = (seed: number) =>
      planOf({ seed, nodes: 4, views: 30, roles: level.roles, scale: level.scale });
    const hashOf = (seed: number) => level.run(plan(seed), {}).hash;
    expect(hashOf(5)).toBe(hashOf(5));
    expect(hashOf(5)).not.toBe(hashOf(6));
  });

  it('keeps every promise with four validators, whatever happens to them', () => {
    const report = campaign({ level, ...size });
    expect(report.failures).toEqual([]);
    expect(report.totals.recoveries).toHaveLength(size.seeds);
    const rare = new Set(['evidence', 'penalty', 'caught', 'memory', 'halt']);
    for (const name of level.invariants) {
      if (!rare.has(name)) expect(report.totals.checks[name], name).toBeGreaterThan(0);
    }
  });

  it('keeps every promise with seven validators, two of them liars', () => {
    const seeds = Math.ceil(size.seeds / 6);
    const report = campaign({ level, seeds, views: size.views, nodes: 7 });
    expect(report.failures).toEqual([]);
  });

  it.each(level.roles)('bears a validator that is a %s and nothing else', (role) => {
    const seeds = level.name === 'whole' ? 1 : 3;
    const report = campaign({ level, seeds, seed: 20, views: 25, only: [role] });
    expect(report.failures).toEqual([]);
  });
});

describe('the level market', () => {
  it('does the same for the same seed, to the last event', () => {
    const hashOf = (seed: number) => campaign({ ...market, seed, views: 30 }).totals.hashes[0];
    expect(hashOf(5)).toBe(hashOf(5));
    expect(hashOf(5)).not.toBe(hashOf(6));
  });

  it('keeps every promise, whatever happens to its parties', () => {
    const report = campaign({ ...market, seeds: 8 });
    expect(report.failures).toEqual([]);
    expect(report.totals.recoveries).toHaveLength(8);
    for (const name of marketLevel.invariants) {
      expect(report.totals.checks[name], name).toBeGreaterThan(0);
    }
  });

  it.each(marketLevel.roles)('bears a party that is a %s', (role) => {
    const report = campaign({ ...market, seed: 31, views: 60, only: [role] });
    expect(report.failures).toEqual([]);
  });

  it('shrinks a failure to what it needs, and its command shows it again', () => {
    const bug = 'believesReceipts';
    const report = campaign({ ...market, bug, seeds: 10, only: ['overcharger', 'crash'] });
    const failure = report.failures[0];
    if (!failure) throw new Error('the planted fault was not found');
    expect(failure.shrunk.plan.faults).toEqual([]);
    const command = repeatCommand(report.options, failure);
    const again = campaign({ ...optionsOf(command.split(' ').slice(4)), failuresMax: 1 });
    expect(again.failures[0]?.violation.invariant).toBe('fair');
  });
});

describe('a failure', () => {
  const failing = { bug: 'losesBodies', seed: 1, seeds: 30, views: 100 };

  it('is shrunk to what it needs, and its command shows it again', () => {
    const report = campaign(failing);
    const failure = report.failures[0];
    if (!failure) throw new Error('the planted fault was not found');
    const { shrunk, seed, violation } = failure;
    const whole = campaignPlan(report.options, seed);
    expect(shrunk.keep.length).toBeLessThan(whole.villains.length + whole.faults.length);
    const command = repeatCommand(report.options, failure);
    const again = campaign({ ...optionsOf(command.split(' ').slice(4)), failuresMax: 1 });
    expect(again.failures[0]?.violation.invariant).toBe(violation.invariant);
    for (const [left] of shrunk.keep.entries()) {
      const smaller = keepOf(
        campaignPlan(report.options, seed),
        shrunk.keep.filter((_, at) => at !== left),
      );
      const { violation: still } = agreementLevel.run(
        { ...smaller, calmUs: whole.calmUs },
        { bug: failing.bug },
      );
      expect(still?.invariant).not.toBe(violation.invariant);
    }
  });

  it('comes with the last events before it', () => {
    const report = campaign({ bug: 'votesBeforeSync', seeds: 1 });
    const plan = report.failures[0]?.shrunk.plan;
    if (!plan) throw new Error('the planted fault was not found');
    const lines = traceOf(agreementLevel, plan, 'votesBeforeSync');
    expect(lines.join('\n')).toMatch(/node \d {2}(steps on|votes|gets from)/);
  });
});

describe('the report', () => {
  it('says the same to people and to programs', () => {
    const report = campaign({ seeds: 3 });
    const json = JSON.parse(JSON.stringify(reportJson(report)));
    expect(json).toMatchObject({ level: 'agreement', seeds: 3, violations: [] });
    expect(json.checks.agreement).toBe(report.totals.checks.agreement);
    expect(reportText(report)).toContain('violations       0');
  });
});

describe('the command line', () => {
  it('runs one seed when one is named, and many otherwise', () => {
    expect(optionsOf(['--seed', '9'])).toMatchObject({ seed: 9, seeds: 1 });
    expect(optionsOf([])).toMatchObject({ seed: 1, seeds: 50, nodes: 4 });
    expect(optionsOf(['--level', 'market'])).toMatchObject({ nodes: 7 });
    expect(optionsOf(['--keep', 'none', '--until', '12'])).toMatchObject({
      keep: [],
      untilUs: 12_000,
    });
  });

  it.each([
    [['--seed', 'x']],
    [['--level', 'small']],
    [['--planted', 'nothing']],
    [['--faults', 'rain']],
    [['--nodes', '99']],
    [['--what']],
  ])('refuses %j with a sentence', (args) => {
    expect(() => optionsOf(args)).toThrow(UsageError);
  });
});
