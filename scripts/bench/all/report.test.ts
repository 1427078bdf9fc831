import { describe, expect, it } from 'vitest';
import { peerWins, single, tallyOf, verdictOf } from './line.mjs';
import { pageText, readmeText, terminalText, withSection } from './report.mjs';

const spread = (median: number) => ({ median, min: median - 1, max: median + 1, rounds: 3 });
const anvil = { name: 'Anvil', version: '1.7.1', figure: spread(3_000), cpuUs: 146 };
const silent = { name: 'Portkey', text: '0 of 5 | whole', figure: undefined };
const rate = {
  what: 'Transfers',
  ...{ unit: '/s', isMore: true, ours: spread(2_500), must: 2_000, moonshot: 6_000, cpuUs: 75 },
  peers: [anvil, silent],
  limit: { what: 'one check', figure: spread(40) },
  note: 'all on one machine',
};
const wait = {
  ...{ what: 'Gap', unit: 'ms', isMore: false, ours: single(900), must: 150, moonshot: 50 },
  peers: [],
};
const run = {
  date: '2026-11-23T10:40:00.000Z',
  machine: '2 × Processor, 25 GB, Node 20, load average 0.1 0.2 0.3',
  machineAtEnd: '2 × Processor, 25 GB, Node 20, load average 1.1 0.2 0.3',
  isQuick: false,
  limits: { checkUs: { what: 'one check, µs', figure: spread(40) } },
  parts: [
    {
      ...{ name: 'chain', about: 'four validators', date: '2026-11-23T10:41:00.000Z', seconds: 12 },
      ...{ commands: ['node scripts/bench/scoreboard.mjs'], failures: [], plot: 'validators' },
      lines: [rate, wait],
    },
  ],
};

describe('a line of the scoreboard', () => {
  it('is judged against must and moonshot in its own direction', () => {
    expect(verdictOf(rate)).toBe('must');
    expect(verdictOf({ ...rate, ours: spread(6_000) })).toBe('moonshot');
    expect(verdictOf({ ...rate, ours: spread(1_999) })).toBe('missed');
    expect(verdictOf(wait)).toBe('missed');
    expect(verdictOf({ ...wait, ours: single(150) })).toBe('must');
    expect(verdictOf({ ...wait, ours: single(50) })).toBe('moonshot');
  });

  it('without figure or without must has no verdict', () => {
    expect(verdictOf({ ...wait, ours: single(Number.NaN) })).toBe('not measured');
    expect(verdictOf({ ...wait, must: undefined })).toBe('short of the moonshot');
    expect(verdictOf({ ...wait, must: undefined, moonshot: undefined })).toBe('measured');
  });

  it('says when a peer is better, more or less as the line wants it', () => {
    expect(peerWins(rate, anvil)).toBe(true);
    expect(peerWins({ ...rate, isMore: false }, anvil)).toBe(false);
    expect(peerWins(rate, silent)).toBe(false);
    expect(peerWins({ ...rate, ours: undefined }, anvil)).toBe(false);
  });

  it('is counted once, by its verdict, and once more when a peer is ahead', () => {
    const tally = { lines: 2, must: 1, missed: 1, peerAhead: 1 };
    expect(tallyOf([rate, wait])).toStrictEqual(tally);
  });
});

describe('the scoreboard as text', () => {
  it('marks the peer that wins on the terminal', () => {
    const text = terminalText(run.parts);
    expect(text).toContain('▲ Anvil 1.7.1: 3 000');
    expect(text).toContain('2 500 (2 499 … 2 501) /s');
    expect(text).toContain('one check: 40');
  });

  it('is a table in the README that names misses, winners and the command', () => {
    const rows = readmeText(run).split('\n');
    expect(rows.find((row) => row.startsWith('| Gap'))).toBe(
      '| Gap | 900 ms | 150 / 50: **missed** | – | – | `chain` |',
    );
    expect(rows.find((row) => row.startsWith('| Transfers'))).toContain(
      '**Anvil 1.7.1: 3 000**; Portkey: 0 of 5 \\| whole',
    );
    expect(rows[0]).toContain('npm run bench -- --only NAME');
    expect(rows[0]).toContain('2 × Processor, 25 GB, Node 20, no GPU');
    expect(rows[0]).toContain('0 reach the moonshot, 1 the must, 1 miss it');
  });

  it('has commands, CPU, notes and plots on the page of details', () => {
    const text = pageText(run);
    expect(text).toContain('node scripts/bench/scoreboard.mjs');
    expect(text).toContain('|  | Anvil 1.7.1 | **3 000 (2 999 … 3 001) /s** | 146 |  |  |');
    expect(text).toContain('- Transfers: all on one machine.');
    expect(text).toContain('![validators](validators.svg)');
    expect(text).toContain('Four validators. 2026-11-23 at 10:41 UTC, 12 s.');
  });

  it('replaces what stands between the marks of a page and nothing else', () => {
    const page = [
      'before',
      '<!-- Written by `npm run bench -- --write`: from here -->',
      'old',
      '<!-- to here -->',
      'after',
    ].join('\n');
    const next = withSection(page, 'new\n');
    expect(next.replaceAll(/<!--.*?-->/g, '|')).toBe('before\n|\n\nnew\n\n|\nafter');
    expect(withSection(next, 'new')).toBe(next);
    expect(() => withSection('nothing', 'new')).toThrow('lacks its marks');
  });
});
