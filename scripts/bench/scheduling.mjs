/**
 * What the provider's scheduler does under load: `node scripts/bench/scheduling.mjs` after a build. A virtual clock and an
 * engine of known speed, so that the table is the same everywhere; only the last line is measured on this machine.
 *
 * "in order" is the queue that providers had before: first come, first served, 64 places, no promise looked at.
 */
import { createScheduler } from '@aitbc/market';

const SLOTS = 4;
const MS_PER_TOKEN = 10;
const MS_PER_PROMPT_TOKEN = 0.5;
const FIRST_TOKEN_MS = 10_000;
const SECONDS = 300;
const WAITING_MAX = 64;
const LOADS = [0.7, 1, 2, 10];

const bounds = {
  ...{ jobsMax: WAITING_MAX, tokensMax: 131_072 },
  ...{ residentMax: 0, stayMs: 10_000, stayJobs: 20, slotsOf: () => SLOTS },
};
const policies = { 'in order': createInOrder, scheduler: () => createScheduler(bounds) };

line(
  'load',
  'policy',
  'payer',
  'asked',
  'taken',
  'late',
  'p50 ms',
  'p99 ms',
  'useful',
  'said ÷ true',
);
for (const load of LOADS) {
  for (const [name, create] of Object.entries(policies)) show(load, name, play(create(), load));
}
measureCost();

function show(load, policy, { fates, openings }) {
  for (const payer of ['heavy', 'light']) {
    const own = fates.filter((fate) => fate.payer === payer);
    const taken = own.filter(({ firstMs }) => firstMs !== undefined);
    const late = taken.filter(({ firstMs }) => firstMs > FIRST_TOKEN_MS);
    const first = taken.map(({ firstMs }) => firstMs);
    const inTimeMs = taken
      .filter(({ firstMs }) => firstMs <= FIRST_TOKEN_MS)
      .reduce((sum, { slotMs }) => sum + slotMs, 0);
    const useful = `${((100 * inTimeMs) / (SLOTS * SECONDS * 1_000)).toFixed(0)} %`;
    const ratios = own.flatMap((fate) => ratioOf(fate, openings));
    const said = ratios.length === 0 ? '–' : at(ratios, 0.5).toFixed(2);
    const latePart =
      taken.length === 0 ? '–' : `${((100 * late.length) / taken.length).toFixed(1)} %`;
    line(
      `${load} ×`,
      policy,
      payer,
      own.length,
      taken.length,
      latePart,
      ms(at(first, 0.5)),
      ms(at(first, 0.99)),
      useful,
      said,
    );
  }
}

/** What a refusal said, divided by the time until a job of that payer was taken. */
function ratioOf({ payer, atMs, retryAfterMs }, openings) {
  const next = openings[payer].find((openMs) => openMs > atMs);
  if (retryAfterMs === undefined || next === undefined || next - atMs < 50) return [];
  return [retryAfterMs / (next - atMs)];
}

function line(...cells) {
  const widths = [6, 10, 7, 7, 7, 8, 8, 8, 8, 12];
  console.log(cells.map((cell, index) => String(cell).padStart(widths[index])).join(''));
}

function ms(value) {
  return value === undefined ? '–' : value.toFixed(0);
}

function at(values, share) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) * share)];
}

/** The light payer wants a twentieth of the engine; the heavy one everything else of the load. */
function play(scheduler, load) {
  const draw = createDraw();
  const fates = [];
  const openings = { heavy: [], light: [] };
  const agenda = [];
  const add = (atMs, act) => {
    let index = agenda.length;
    while (index > 0 && agenda[index - 1].atMs > atMs) index -= 1;
    agenda.splice(index, 0, { atMs, act });
  };
  const fateOf = new Map();
  const startAll = (nowMs) => {
    for (let job = scheduler.start(nowMs); job; job = scheduler.start(nowMs)) {
      const fate = fateOf.get(job);
      const prefillMs = fate.promptTokens * MS_PER_PROMPT_TOKEN;
      fate.firstMs = nowMs + prefillMs - fate.atMs;
      fate.slotMs = prefillMs + fate.usedTokens * MS_PER_TOKEN;
      const running = job;
      add(nowMs + prefillMs, (atMs) => scheduler.heard(running, atMs));
      add(nowMs + fate.slotMs, (atMs) => {
        scheduler.leave(running, atMs, fate.usedTokens);
        startAll(atMs);
      });
    }
  };
  const come = (payer, nowMs) => {
    const outputTokens = 50 + Math.floor(draw() * 350);
    const promptTokens = 50 + Math.floor(draw() * 950);
    const wish = { payer, model: 'm', promptTokens, outputTokens, firstTokenMs: FIRST_TOKEN_MS };
    const usedTokens = Math.round(outputTokens * (0.4 + 0.6 * draw()));
    const refusal = scheduler.refusal(wish, nowMs);
    const fate = { ...wish, usedTokens, atMs: nowMs, retryAfterMs: refusal?.facts.retryAfterMs };
    fates.push(fate);
    if (refusal) return;
    openings[payer].push(nowMs);
    fateOf.set(scheduler.enter(wish, nowMs), fate);
    startAll(nowMs);
  };
  const meanSlotMs = 525 * MS_PER_PROMPT_TOKEN + 225 * 0.7 * MS_PER_TOKEN;
  const perMs = SLOTS / meanSlotMs;
  for (const [payer, rate] of [
    ['heavy', perMs * (load - 0.05)],
    ['light', perMs * 0.05],
  ]) {
    for (let atMs = 0; atMs < SECONDS * 1_000; atMs += -Math.log(1 - draw()) / rate) {
      add(atMs, (nowMs) => come(payer, nowMs));
    }
  }
  for (let entry = agenda.shift(); entry; entry = agenda.shift()) entry.act(entry.atMs);
  return { fates, openings };
}

/** First come, first served. */
function createInOrder() {
  const waiting = [];
  const running = new Set();
  return {
    refusal(_wish, _nowMs) {
      const isFull = running.size >= SLOTS && waiting.length >= WAITING_MAX;
      return isFull ? { facts: {} } : undefined;
    },
    enter(wish) {
      const job = { ...wish };
      waiting.push(job);
      return job;
    },
    start() {
      const job = running.size < SLOTS ? waiting.shift() : undefined;
      if (job) running.add(job);
      return job;
    },
    heard() {},
    leave: (job) => running.delete(job),
  };
}

/** A generator of its own, so that every run has the same numbers. */
function createDraw() {
  let state = 0x9e3779b9;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What a refusal and a turn of a full queue cost. */
function measureCost() {
  const scheduler = createScheduler(bounds);
  const wish = { model: 'm', promptTokens: 500, outputTokens: 200, firstTokenMs: 1e9 };
  const payers = Array.from({ length: 16 }, (_, index) => `payer ${index}`);
  const fill = (nowMs) => {
    for (let index = 0; index < 2 * WAITING_MAX; index += 1) {
      const next = { ...wish, payer: payers[index % payers.length] };
      if (!scheduler.refusal(next, nowMs)) scheduler.enter(next, nowMs);
    }
  };
  const running = [];
  const turn = (nowMs) => {
    const old = running.length >= SLOTS ? running.shift() : undefined;
    if (old) scheduler.leave(old, nowMs, 150);
    for (let job = scheduler.start(nowMs); job; job = scheduler.start(nowMs)) running.push(job);
  };
  const times = { refusal: [], turn: [] };
  for (let nowMs = 1; nowMs < 4_000; nowMs += 1) {
    fill(nowMs);
    for (const [what, act] of [
      ['refusal', () => scheduler.refusal({ ...wish, payer: payers[0] }, nowMs)],
      ['turn', () => turn(nowMs)],
    ]) {
      const begun = process.hrtime.bigint();
      act();
      if (nowMs > 500) times[what].push(Number(process.hrtime.bigint() - begun) / 1_000);
    }
  }
  const { waiting } = scheduler.load();
  const cost = (what) =>
    `${what} p50 ${at(times[what], 0.5).toFixed(0)} µs p99 ${at(times[what], 0.99).toFixed(0)} µs`;
  console.log(`\n${waiting} jobs of 16 payers wait: ${cost('refusal')}, ${cost('turn')}`);
}
