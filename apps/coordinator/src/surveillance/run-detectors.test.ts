import { detectors, isChainEvent, type WatchedEvent } from '@aitbc/market';
import { alertsOf, playRun } from '@aitbc/market/generators';
import { createManualClock, type JsonValue } from '@aitbc/primitives';
import type { Alert } from '@aitbc/protocol';
import { createLog } from '@aitbc/service';
import { expect, test } from 'vitest';
import type { ChainFactRow, EventRow } from '../store/schema.ts';
import type { PatrolRows } from '../store/surveillance/patrol-rows.ts';
import { readStream, type StreamRows } from './read-stream.ts';
import { createDetectorRun } from './run-detectors.ts';

const log = createLog({ name: 'detectors', level: 'silent' });
const run = playRun(77, 'self-dealing');
/** The alerts of the run, as the detectors say them over the stream itself. */
const said = alertsOf(detectors, run);
const members = detectors.map((detector) => {
  const rows = Object.entries(detector.thresholds).map(([name, { value }]) => [name, value]);
  const thresholds = Object.fromEntries(rows) as Record<string, number>;
  return { detector, thresholds, publicSources: [], isPlugin: false };
});

/** The two tables of a stored stream. */
function rowsOf(events: readonly WatchedEvent[]): StreamRows {
  const market: EventRow[] = [];
  const chain: ChainFactRow[] = [];
  for (const event of events) {
    const { seq, atMs: at_ms } = event;
    const { kind, ...facts } = event.facts;
    if (isChainEvent(event)) {
      const place = { tx_id: event.txId, place: 0, height: 1 };
      chain.push({ seq, at_ms, ...place, facts: JSON.stringify(event.facts) });
    } else {
      market.push({ seq, at_ms, kind, provider: event.provider, facts: JSON.stringify(facts) });
    }
  }
  const page = <R extends { seq: number }>(rows: R[]) => ({
    page: async ({ after, limit }: { after: number; limit: number }) =>
      rows.filter(({ seq }) => seq > after).slice(0, limit),
  });
  return { events: page(market), facts: page(chain) };
}

/** What is remembered, in memory; several runs may share it. */
function createMemory(): PatrolRows {
  let state: { seq: number; text: Record<string, string> } | undefined;
  const off = new Set<string>();
  return {
    async load() {
      if (!state) return undefined;
      const parts = Object.entries(state.text).map(([name, text]) => [name, JSON.parse(text)]);
      return { seq: state.seq, states: Object.fromEntries(parts) as Record<string, JsonValue> };
    },
    async save(seq, text) {
      state = { seq, text };
    },
    stopped: async () => new Set(off),
    async put(patterns, isOn) {
      for (const pattern of patterns) {
        if (isOn) off.delete(pattern);
        else off.add(pattern);
      }
    },
  };
}

function open(options: { patrols?: PatrolRows; stream?: StreamRows; isAlone?: boolean } = {}) {
  const { patrols = createMemory(), stream = rowsOf(run.events), isAlone = true } = options;
  const stored: Alert[] = [];
  const world = { isBroken: false, stored, patrols, clock: createManualClock(1e13) };
  const detectorRun = createDetectorRun({
    ...{ stream, patrols, isAlone, clock: world.clock, log, elapsedMs: () => 0 },
    onAlerts: () => {},
    alerts: {
      async insert(alerts) {
        if (world.isBroken) throw new Error('the disk is full');
        const fresh = alerts.filter(({ id }) => !stored.some((one) => one.id === id));
        stored.push(...fresh);
        return fresh.length;
      },
    },
  });
  return { ...world, world, detectorRun };
}

test('a stored stream is read in one order, whatever the size of its pages', async () => {
  for (const limit of [1, 7, 10_000]) {
    const seen: number[] = [];
    for (let isEnd = false; !isEnd; ) {
      const after = seen.at(-1) ?? 0;
      const page = await readStream(rowsOf(run.events.slice(0, 300)), {
        after,
        beforeMs: 0,
        limit,
      });
      seen.push(...page.events.map(({ seq }) => seq));
      isEnd = page.isEnd;
    }
    expect(seen, `pages of ${limit}`).toEqual(run.events.slice(0, 300).map(({ seq }) => seq));
  }
});

test('the detectors find over the stored stream what they find over the stream', async () => {
  const { detectorRun, stored } = open();
  await detectorRun.load(members);
  await detectorRun.round();
  expect(stored).toEqual(said);
  expect(said.length).toBeGreaterThan(0);
  expect(detectorRun.state()).toMatchObject({ lagMs: 0, events: run.events.length });
});

test('alerts that could not be stored wait, and no event is looked at twice', async () => {
  const { detectorRun, stored, world, patrols } = open();
  await detectorRun.load(members);
  world.isBroken = true;
  for (let rounds = 0; rounds < 8; rounds += 1) await detectorRun.round();
  await detectorRun.stop();
  expect([stored, await patrols.load()]).toEqual([[], undefined]);
  world.isBroken = false;
  await detectorRun.round();
  expect(stored).toEqual(said);
  expect(detectorRun.state().events).toBe(run.events.length);
});

test('a run that was stopped goes on with what it remembers', async () => {
  const patrols = createMemory();
  const half = open({ patrols, stream: rowsOf(run.events.slice(0, 900)) });
  await half.detectorRun.load(members);
  await half.detectorRun.round();
  await half.detectorRun.stop();
  const rest = open({ patrols });
  await rest.detectorRun.load(members);
  expect(rest.detectorRun.state().seq).toBe(900);
  await rest.detectorRun.round();
  expect([...half.stored, ...rest.stored]).toEqual(said);
});

test('a coordinator hears within seconds what another one switched', async () => {
  const patrols = createMemory();
  const [one, two] = [open({ patrols, isAlone: false }), open({ patrols, isAlone: false })];
  await one.detectorRun.load(members);
  await two.detectorRun.load(members);
  await one.detectorRun.put(['self-dealing'], false);
  await two.detectorRun.round();
  expect(two.detectorRun.state().running).toContain('self-dealing');
  two.clock.advance(10_000);
  await two.detectorRun.round();
  expect(two.detectorRun.state().running).not.toContain('self-dealing');
});
