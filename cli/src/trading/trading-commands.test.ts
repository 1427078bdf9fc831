import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  addressOf,
  coordinatorEndpoints,
  jobStates,
  type MarketEvent,
  providerEndpoints,
} from '@aitbc/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tradingOutputs } from '../output/trading.ts';
import { createTestHome } from '../testing/run-words.ts';
import { sampleProof } from '../testing/sample-proof.ts';
import { serveTable, type TestServer } from '../testing/table-server.ts';
import { openRecord } from './record-file.ts';

const home = createTestHome();
const model = 'tiny';
const minuteMs = 60_000;
const beganMs = Math.floor((Date.now() - 6 * 3_600_000) / minuteMs) * minuteMs;
const ids = (name: string, at: number) => `${name}${at.toString(16).padStart(62, '0')}`;
const other = addressOf('07'.repeat(32));

/** Some hours: one seller whose price goes up and down with the hour, and a job a minute. */
function eventsOf(minutes: number): MarketEvent[] {
  const events: MarketEvent[] = [];
  const tell = (atMs: number, facts: MarketEvent['facts']) =>
    events.push({ seq: atMs * 1_024 + events.length, atMs, provider: other, facts });
  for (let at = 0; at < minutes; at += 1) {
    const nowMs = beganMs + at * minuteMs;
    const price = `${60_000_000 + 40_000_000 * ((Math.floor(at / 20) % 3) - 1)}`;
    if (at % 20 === 0) {
      const offer = { offerId: ids('aa', at), model, digest: '', quantization: '' };
      const prices = { inputPerMTok: price, outputPerMTok: price, perRequest: '0' };
      tell(nowMs, { kind: 'offer_up', ...offer, ...prices });
      if (at > 0) tell(nowMs, { kind: 'offer_down', offerId: ids('aa', at - 20), model });
    }
    const sale = { jobId: ids('bb', at), offerId: ids('aa', at - (at % 20)), model };
    const work = { promptTokens: 1_000, outputTokens: 500, charged: '60000', outcome: 'complete' };
    const times = { channelId: ids('cc', 1), firstTokenMs: 60, durationMs: 2_000 };
    tell(nowMs + 30_000, { kind: 'receipt', ...sale, ...work, ...times });
  }
  return events;
}

const states = jobStates.map((state) => [state, 0] as const);
const jobs = Object.fromEntries(states) as Record<(typeof jobStates)[number], number>;
let known: readonly MarketEvent[] = eventsOf(240);
const servers: TestServer[] = [];
let coordinator: TestServer;
let provider: TestServer;
const asked: object[] = [];

beforeAll(async () => {
  coordinator = await serveTable(coordinatorEndpoints, {
    about: () => ({
      ...{ name: 'test', network: 'ait-test', caip2: 'aitbc:test', genesisHash: 'ab'.repeat(32) },
      ...{ providers: 1, offers: 1, webhookKey: '', jobs },
    }),
    events({ after, limit }) {
      const events = known.filter(({ seq }) => seq > after).slice(0, limit);
      return { events, next: events.at(-1)?.seq ?? after };
    },
    listOffers: () => ({ offers: [], next: null }),
    prices({ from = 0 }) {
      const about = { model, intervalMs: 900_000, fromMs: from };
      if (from > beganMs) return { ...about, bars: [], next: from };
      const prices = {
        open: '5',
        high: '9',
        low: '4',
        close: '8',
        lowestOffer: '7',
        medianOffer: '7',
      };
      const counts = {
        jobs: 2,
        tokens: 30,
        charged: '11',
        busyMs: 450_000,
        firstTokenMs: 9,
        offers: 1,
      };
      const bar = { startMs: from, ...prices, ...counts };
      const second = { ...bar, close: '10', high: '10' };
      return { ...about, bars: [bar, second], next: Date.now() };
    },
  });
  const { offer } = sampleProof();
  const price = { inputPerMTok: '50000000', outputPerMTok: '150000000', perRequest: '0' };
  provider = await serveTable(providerEndpoints, {
    status: () => ({
      ...{ provider: offer.payload.provider, models: [model], running: 0, waiting: 0, slots: 1 },
      ...{ engine: { name: 'x', version: '1' }, jobs: 0, outputTokens: 0, engineTokens: 0 },
      ...{ charged: '0', claimed: '0', coordinator: 'connected' as const },
      ...{ verifyMicros: { p50: 1, p99: 1, count: 1 }, claims: { gpus: [], benchmarks: [] } },
    }),
    offers: () => ({ offers: [{ ...offer, payload: { ...offer.payload, model, price } }] }),
    setPrices(input) {
      asked.push(input);
      return { offerId: 'ab'.repeat(32), offer, isNew: true };
    },
  });
  servers.push(coordinator, provider);
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  home.remove();
});

/** Without a node: its port is closed. */
function aitbc(...words: string[]) {
  const env = {
    AITBC_COORDINATOR_URL: coordinator.url,
    AITBC_NODE_URL: 'http://127.0.0.1:1',
    AITBC_PROVIDER_URL: provider.url,
    AITBC_PROVIDER_TOKEN: 'secret',
  };
  return home.run(['ai-trading', ...words], { env });
}

async function json(...words: string[]) {
  const { exitCode, stdout, stderr } = await aitbc(...words, '--json');
  expect(exitCode, stdout + stderr).toBe(0);
  const answer = JSON.parse(stdout);
  expect(tradingOutputs[`ai-trading ${words[0]}`]?.parse(answer)).toBeDefined();
  return answer;
}

const trading = (...parts: string[]) => join(home.dir, '.aitbc', 'trading', ...parts);

describe('the record', () => {
  it('grows by what is new, under one hash, and is never read when it was changed', async () => {
    const first = await json('record');
    expect(first).toMatchObject({ added: known.length, events: known.length });
    known = eventsOf(300);
    const second = await json('record');
    expect(second.events).toBe(known.length);
    expect(second.added).toBe(known.length - first.events);
    const whole = readFileSync(second.file, 'utf8');
    appendFileSync(second.file, 'half a li');
    expect(await json('record')).toMatchObject({ added: 0, hash: second.hash });
    expect(readFileSync(second.file, 'utf8')).toBe(whole);
    writeFileSync(second.file, whole.replace('"60000"', '"60001"'));
    const { exitCode, stdout } = await aitbc('backtest', '-s', 'fixed', '-m', model, '--json');
    expect([exitCode, JSON.parse(stdout).error.code]).toEqual([1, 'STORE_CORRUPT']);
    writeFileSync(second.file, whole);
  });
});

describe('two writers', () => {
  it('take turns, and the lock of a process that is gone holds up nobody', async () => {
    const file = join(home.dir, 'shared', 'record.jsonl');
    mkdirSync(join(home.dir, 'shared'));
    writeFileSync(`${file.replace(/l$/, '')}.lock`, '999999999');
    const { signal } = new AbortController();
    const writers = [openRecord(file, 'n'), openRecord(file, 'n')];
    const rounds = writers.flatMap((record) =>
      [1, 2, 3].map(() =>
        record.update(signal, async () => {
          const [after, untilMs] = [record.head.after + 1, record.head.after + 1];
          await new Promise((resolve) => setImmediate(resolve));
          record.append([known[after] as MarketEvent], { after, untilMs });
        }),
      ),
    );
    await Promise.all(rounds);
    const { head, events } = openRecord(file, 'n');
    expect([head.events, head.after]).toEqual([6, 6]);
    expect(events()).toEqual(known.slice(1, 7));
  });
});

describe('back-tests', () => {
  it('come out again with --until, whatever was recorded since', async () => {
    const words = [
      'backtest',
      '-s',
      'deadline-aware',
      '-m',
      model,
      '--work-every',
      '4',
      '--slack',
      '12',
    ];
    const first = await json(...words);
    expect(first).toMatchObject({ side: 'buyer', setup: { buyer: { slackBars: 12 } } });
    const last = known.at(-1) as MarketEvent;
    const atMs = first.untilMs + 1;
    known = [...known, { ...last, atMs, seq: atMs * 1_024 }];
    await json('record');
    const again = await json(...words, '--until', `${first.untilMs}`);
    expect(again.hash).toBe(first.hash);
    const { stdout } = await aitbc(...words, '--until', `${first.untilMs}`);
    expect(stdout).toContain(first.hash);
    expect(stdout).toContain('profit of buy-always');
    const away = ['--coordinator-url', 'http://127.0.0.1:1'];
    const alone = await json(...words, '--until', `${first.untilMs}`, ...away);
    expect(alone.hash).toBe(first.hash);
    const fresh = await aitbc(...words, ...away, '--json');
    expect(JSON.parse(fresh.stdout).error.code).toBe('UNAVAILABLE');
  });

  it('say what is missing', async () => {
    const { stdout, exitCode } = await aitbc('backtest', '-s', 'fixed', '-m', 'none', '--json');
    expect([exitCode, JSON.parse(stdout).error.code]).toEqual([4, 'NOT_FOUND']);
    const { stdout: wrong } = await aitbc('backtest', '-s', 'fixd', '-m', model, '--json');
    expect(JSON.parse(wrong).error.message).toContain('Known: fixed, cost-plus');
  });
});

describe('strategies', () => {
  it('are ours and plugins; a broken one and one that looks ahead are named', async () => {
    await json('init');
    const dir = join(home.dir, '.aitbc', 'strategies');
    writeFileSync(join(dir, 'broken.mjs'), 'export default { name: 1 }');
    const shape = "side: 'seller', about: 'x', parameters: {}";
    const rest = "serialise: () => '', restore() {}";
    // It keeps what it saw in a run, and uses it in the next one of the same process.
    const prophet = `const seen = new Map();
      export default { name: 'prophet', ${shape}, create: () => ({ ${rest}, decide({ bars, own, nowMs, barMs }) {
        if (bars.length > 0) seen.set(bars.at(bars.length - 1).startMs, bars.at(bars.length - 1).close);
        return { price: seen.get(nowMs) ?? own.price, reason: 'I know' };
      } }) };`;
    writeFileSync(join(dir, 'prophet.mjs'), prophet);
    const { stdout, stderr } = await aitbc('strategies', '--json');
    const names = JSON.parse(stdout).strategies.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['undercut', 'nights-cheaper', 'prophet']));
    expect(stderr).toContain('broken.mjs cannot be loaded: it has no name');
    const caught = await aitbc('backtest', '-s', 'prophet', '-m', model, '--json');
    expect(JSON.parse(caught.stdout).error.message).toContain('looks into the future');
    const honest = await json('backtest', '-s', 'nights-cheaper', '-m', model);
    expect(honest).toMatchObject({ strategy: 'nights-cheaper', side: 'seller' });
    expect((await aitbc('explain', 'undercut')).stdout).toContain('floorBps');
  });

  it('are trained on the record, and signals use what was found', async () => {
    const { trained } = await json('train', '-m', model, '-s', 'cheapest-window', '--slack', '12');
    const [one] = trained;
    expect(BigInt(one.scoreNait) >= BigInt(one.usualScoreNait)).toBe(true);
    const { signals } = await json('signals', '-m', model);
    const found = signals.find(
      ({ strategy }: { strategy: string }) => strategy === 'cheapest-window',
    );
    expect(found).toMatchObject({ parameters: 'trained', run: false, reason: 'nobody offers it' });
  });
});

it('analyze sums up the series of the coordinator', async () => {
  const found = await json('analyze', '-m', model, '--hours', '24');
  expect(found).toMatchObject({
    ...{ first: '8', last: '10', high: '10', low: '4', jobs: 4, tokens: 60, charged: '22' },
    ...{ atOnceCenti: 50, meanStepBps: 2_500, interval: '15m' },
  });
  expect((await aitbc('analyze', '-m', model)).stdout).toContain('4 jobs, 60 tokens');
});

describe('a run', () => {
  const seller = ['run', '-s', 'fixed', '-m', model, '--once'];
  const limits = ['--floor', '0.05', '--ceiling', '0.2', '--max-change', '10'];

  it('on paper touches nothing, and is remembered', async () => {
    await json(...seller, '--paper', '--parameters', 'priceNait=150000000');
    await json(...seller, '--paper', '--parameters', 'priceNait=150000000');
    expect(asked).toEqual([]);
    const { runs } = await json('status');
    expect(runs).toMatchObject([{ strategy: 'fixed', mode: 'paper', price: '150000000' }]);
    expect((await aitbc('status')).stdout).toContain('0.15 AIT');
  });

  it('live needs limits and a yes, and keeps within the change of an hour', async () => {
    const live = [...seller, '--live', '--parameters', 'priceNait=150000000'];
    const bare = await aitbc(...live, '--json');
    expect(JSON.parse(bare.stdout).error.message).toContain('--floor, --ceiling, --max-change');
    const unasked = await aitbc(...live, ...limits, '--json');
    expect(JSON.parse(unasked.stdout).error.message).toContain('It would do this');
    expect(asked).toEqual([]);
    const done = await json(...live, ...limits, '--yes');
    expect(done).toMatchObject({ acted: true, mode: 'live' });
    expect(done.text).toContain('held back by the change limit');
    // 83 333 333 and 10 % more, in the proportions of the list.
    expect(asked).toEqual([
      { model, inputPerMTok: '55000000', outputPerMTok: '164999999', perRequest: '0' },
    ]);
    await json(...live, ...limits, '--yes');
    expect(asked[1]).toEqual(asked[0]);
  });

  it('of a buyer reads its jobs first, and waits while nothing is on offer', async () => {
    mkdirSync(trading(), { recursive: true });
    const jobs = join(home.dir, 'jobs.jsonl');
    writeFileSync(
      jobs,
      '{"messages":[{"role":"user","content":"hi"}],"max_tokens":8}\n{"prompt":1}\n',
    );
    const words = ['run', '-s', 'deadline-aware', '-m', model, '--once', '--jobs', jobs];
    const wrong = await aitbc(...words, '--json');
    expect(JSON.parse(wrong.stdout).error.message).toContain('line 2: it has no messages');
    writeFileSync(jobs, '{"messages":[{"role":"user","content":"hi"}],"max_tokens":8}\n');
    const { text, acted } = await json(...words);
    expect([text, acted]).toEqual([
      'wait 1 job, cheapest –: no offer at or below the ceiling',
      false,
    ]);
    const bare = await aitbc(...words, '--live', '--json');
    expect(JSON.parse(bare.stdout).error.message).toContain('--budget, --ceiling');
  });
});
