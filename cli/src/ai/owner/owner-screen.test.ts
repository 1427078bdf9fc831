import { providerEndpoints } from '@aitbc/protocol';
import { createProviderClient } from '@aitbc/sdk';
import { afterAll, describe, expect, it } from 'vitest';
import { createOut } from '../../context/out.ts';
import { sampleProof } from '../../testing/sample-proof.ts';
import { serveTable } from '../../testing/table-server.ts';
import { createTerminal } from '../../testing/terminal.ts';
import { until } from '../../testing/until.ts';
import { followProvider } from './follow-provider.ts';
import { type OwnerView, ownerPicture, type Statement, type Status } from './owner-screen.ts';

const { provider } = sampleProof();
const status: Status = {
  ...{ provider, engine: { name: 'ollama', version: '0.32.15' }, models: ['qwen3:8b'] },
  ...{ running: 2, waiting: 1, slots: 4, jobs: 12, outputTokens: 900 },
  ...{ charged: '4450', claimed: '1000', coordinator: 'connected' as const, engineTokens: 900 },
  verifyMicros: { p50: 1, p99: 2, count: 3 },
  claims: {
    gpus: [
      {
        ...{ vendor: 'nvidia' as const, name: 'RTX 4090', idHash: null, slice: null },
        ...{ memoryBytes: 24 * 2 ** 30, sharesMemory: false },
      },
    ],
    benchmarks: [],
  },
};
const row = { day: '2026-11-23', model: 'qwen3:8b', promptTokens: 1, outputTokens: 2 };
const statement: Statement = {
  ...{ days: 1, use: [], now: 'not_asked' },
  rows: [{ ...row, jobs: 3, failed: 1, charged: '450' }],
};
const view: OwnerView = {
  ...{ status, statement, speeds: [0, 10, 40], upMs: 60_000, idleMs: 0 },
  ...{ losses: [], trouble: undefined },
};
const plain = { style: (_style: string, text: string) => text };
const size = { columns: 80, rows: 24 };
const lines = (changes: Partial<OwnerView> = {}) =>
  ownerPicture(plain, { ...view, ...changes }, size);
const fact = (name: string, changes: Partial<OwnerView> = {}) =>
  lines(changes).find((line) => line.startsWith(name));
const idle = (changes: Partial<Status>, now?: Statement['now']): Partial<OwnerView> => ({
  status: { ...status, running: 0, waiting: 0, ...changes },
  statement: now && { ...statement, now },
  idleMs: 90_000,
});

describe("the owner's screen", () => {
  it('keeps the time and the reason in a narrow window', () => {
    const narrow = { columns: 50, rows: 24 };
    const shown = ownerPicture(plain, { ...view, ...idle({}, 'not_asked') }, narrow);
    expect(shown[1]).toMatch(/^aitbc ai serve {2}ait1\S+ {2}up 60 seconds$/);
    expect(shown.slice(2, 4)).toEqual([
      'now      idle for 90 seconds: on the market, and',
      '         no job has come',
    ]);
    expect(lines()[1]).toContain('ollama 0.32.15  up 60 seconds');
  });

  it('says what runs, what was sold and what it earned', () => {
    expect(fact('now')).toBe('now      2 of 4 slots busy, 1 waits');
    expect(fact('jobs')).toBe(
      'jobs     12 jobs ended · 3 today · 1 failed today · 900 tokens sold',
    );
    expect(fact('speed')).toBe('speed    40.0 tokens/s     ▁▂█');
    expect(fact('earned')).toBe(
      'earned   0.00000445 AIT · 0.00000045 AIT today · 0.000001 AIT of it claimed on chain',
    );
    expect(fact('machine')).toBe('machine  RTX 4090 24 GB');
  });

  it.each([
    ['not_registered', 'no coins for the bond'],
    ['not_connected', 'buyers cannot find you'],
    ['no_engine', 'the engine does not answer'],
    ['not_asked', 'no job has come'],
    ['measuring', 'is being measured'],
    ['drained', 'you took the machine back'],
    ['busy', 'between two jobs'],
  ] as const)('says of %s what it means', (now, words) => {
    const whole = lines(idle({}, now))
      .join('\n')
      .replace(/\n {9}/g, ' ');
    expect(whole).toMatch(new RegExp(`\nnow +idle for 90 seconds: .*${words}`));
  });

  it('guesses the reason from the open status until the statement is there', () => {
    expect(fact('now', idle({ models: [] }))).toContain('nothing to sell');
    expect(fact('now', idle({ coordinator: 'connecting' }))).toContain('no connection');
  });

  it('names the newest lost job, an implausible speed, and a daemon that does not answer', () => {
    expect(fact('lost', { losses: ['price 12 % above the winner'] })).toContain('12 % above');
    expect(lines({ trouble: 'cannot be reached' }).at(-1)).toBe('cannot be reached');
  });

  it('grows its curve with the window', () => {
    const speeds = Array.from({ length: 120 }, (_, at) => at);
    const width = (columns: number) =>
      ownerPicture(plain, { ...view, speeds }, { columns, rows: 24 }).find((line) =>
        line.startsWith('speed'),
      )?.length ?? 0;
    expect(width(80)).toBeLessThan(80);
    expect(width(200)).toBeGreaterThan(width(80));
    expect(width(200)).toBeLessThan(200);
  });
});

describe('following a provider', () => {
  const state = { jobs: 0, isDown: false };
  const server = serveTable(providerEndpoints, {
    status() {
      if (state.isDown) throw new Error('down');
      return { ...status, running: 0, jobs: state.jobs };
    },
    earnings: () => statement,
  });
  afterAll(async () => (await server).close());

  it('draws what the daemon says on the terminal, and tells when it says nothing', async () => {
    const terminal = createTerminal(80, 24);
    const streams = { stdout: terminal.stream, stderr: terminal.stream };
    const out = createOut({ json: false, colors: false, ...streams });
    const client = createProviderClient({ baseUrl: (await server).url, token: 't' });
    const ending = new AbortController();
    let seen: OwnerView | undefined;
    const screen = out.screen((room) => (seen ? ownerPicture(out, seen, room) : []));
    const following = followProvider({
      ...{ client, signal: ending.signal, nowMs: () => performance.now() },
      losses: async () => ['queue 3 ahead'],
      onView(next) {
        seen = next;
        screen.draw();
      },
    });
    const shows = (words: string) => () => terminal.shown().join('\n').includes(words);
    await until(shows('queue 3 ahead'), 'the loss');
    expect(terminal.shown().join('\n')).toContain('idle for 0 seconds: on the market');
    expect((await server).calls.find(({ what }) => what === 'earnings')?.authorization).toBe(
      'Bearer t',
    );
    state.isDown = true;
    await until(() => seen?.trouble !== undefined, 'the trouble');
    state.isDown = false;
    await until(() => seen?.trouble === undefined, 'the answer');
    ending.abort();
    await following;
    screen.done();
    expect(terminal.isCursorShown()).toBe(true);
  });
});
