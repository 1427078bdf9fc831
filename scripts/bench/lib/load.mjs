/**
 * The load of all benchmarks, the same for every ledger: signed transactions of many accounts wait ready, go out
 * in JSON-RPC batches over keep-alive connections, each account over one of them, and the clock stops when the
 * ledger has told that the last one is final (mined).
 *
 * Two ways to send. *Full*: as fast as places come free, at most `window` transactions of an account under
 * way; measures throughput, and its times of finality say only how long the queue is. *Paced*: every
 * connection sends its share at fixed ticks whatever the answers do; times run from the tick at which
 * a transaction was due, so a stall is not hidden by the client's own waiting.
 */
import { after } from './processes.mjs';
import { percentile } from './statistics.mjs';

const tickMs = 20;
const pacedLanes = 4;
const perAccountAndTick = 4; // spreads a tick over accounts
const tailMs = 60_000; // a ledger that has not finished this long after the last transaction was sent has failed

/**
 * An account of a load: `texts` are its requests in order of nonce, an array or what has its `length` and `at`;
 * `base` is the nonce of the first.
 */
export function createSender({ id, texts, base = 0, ...more }) {
  return { ...more, id, texts, base, limit: texts.length, sent: 0, final: 0, dueMs: [], times: [] };
}

/** Tells waiting loops that something became final. */
export function createNews() {
  let waiting = [];
  return {
    ring() {
      const now = waiting;
      waiting = [];
      for (const resolve of now) resolve();
    },
    next: (timeoutMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

/** Notes that the first `count` transactions of an account are final. */
export function markFinal(sender, count) {
  const nowMs = performance.now();
  for (; sender.final < Math.min(count, sender.sent); sender.final += 1) {
    sender.times.push(nowMs - sender.dueMs[sender.final]);
  }
}

/**
 * Sends for `seconds`, or until the transactions run out. `lanes` are pairs of client and accounts, one for each
 * connection. With a `rate` it is paced; after `atMost` transactions it ends; of each account `reserve` transactions are left
 * for later loads. Returns counts, seconds and times of finality in ms.
 */
export async function runLoad({ lanes, news, ...wish }) {
  const { seconds, batch, window, rate, operations = 1, reserve = 0 } = wish;
  const { atMost = Number.POSITIVE_INFINITY } = wish;
  const senders = lanes.flatMap((lane) => lane.senders);
  for (const sender of senders) {
    sender.times = [];
    sender.limit = sender.texts.length - reserve;
  }
  const before = senders.reduce((sum, { sent }) => sum + sent, 0);
  const begunMs = performance.now();
  const endMs = begunMs + seconds * 1_000;
  const used = rate ? gathered(lanes) : lanes;
  const perTick = rate && (rate * tickMs) / 1_000 / used.length;
  const run = { news, batch, window, begunMs, endMs, perTick, left: { count: atMost } };
  const send = rate ? paced : full;
  await Promise.all(used.map((lane, at) => send({ ...lane, run, offset: at / used.length })));
  const deadlineMs = performance.now() + tailMs;
  while (senders.some(({ sent, final }) => final < sent)) {
    if (performance.now() > deadlineMs) throw new Error(stuckText(senders));
    await news.next(1_000);
  }
  const took = (performance.now() - begunMs) / 1_000;
  const transactions = senders.reduce((sum, { sent }) => sum + sent, 0) - before;
  const times = senders.flatMap((sender) => sender.times);
  return {
    ...{ transactions, seconds: took, perSecond: (transactions * operations) / took },
    ...{ p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) },
  };
}

function stuckText(senders) {
  const open = senders.reduce((sum, { sent, final }) => sum + sent - final, 0);
  return `${open} transactions are not final ${tailMs / 1_000} s after the last one was sent`;
}

/** Fewer connections for paced load, so that a tick still makes a batch: about `pacedLanes`, at least one to each server. */
function gathered(lanes) {
  const byUrl = groupsOf(lanes);
  const each = Math.ceil(pacedLanes / byUrl.size);
  return [...byUrl.values()].flatMap((own) =>
    own.slice(0, each).map(({ client }, at) => ({
      client,
      senders: own.filter((_, place) => place % each === at).flatMap(({ senders }) => senders),
    })),
  );
}

function groupsOf(lanes) {
  const groups = new Map();
  for (const lane of lanes) {
    const { url } = lane.client;
    groups.set(url, [...(groups.get(url) ?? []), lane]);
  }
  return groups;
}

async function full({ client, senders, run }) {
  const { news, batch, window, endMs, left } = run;
  let from = 0;
  while (performance.now() < endMs && left.count > 0 && senders.some(hasMore)) {
    const texts = [];
    for (let step = 0; step < senders.length && texts.length < batch; step += 1) {
      const sender = senders[(from + step) % senders.length];
      const room = Math.min(window - (sender.sent - sender.final), batch - texts.length);
      take(sender, { count: room, dueMs: performance.now(), texts });
    }
    from = (from + 1) % senders.length;
    left.count -= texts.length;
    if (texts.length === 0) await news.next(100);
    else await post(client, texts);
  }
}

async function paced({ client, senders, run, offset }) {
  const { batch, window, begunMs, endMs, perTick } = run;
  let owed = 0;
  let from = 0;
  for (let tick = 0; ; tick += 1) {
    const dueMs = begunMs + (tick + offset) * tickMs;
    if (dueMs >= endMs || !senders.some(hasMore)) return;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await after(waitMs);
    owed += perTick;
    const texts = [];
    for (let step = 0; step < senders.length && owed >= 1 && texts.length < batch; step += 1) {
      const sender = senders[(from + step) % senders.length];
      const room = Math.min(
        window - (sender.sent - sender.final),
        Math.floor(owed),
        batch - texts.length,
      );
      owed -= take(sender, { count: Math.min(room, perAccountAndTick), dueMs, texts });
    }
    from = (from + 1) % senders.length;
    if (texts.length > 0) await post(client, texts);
  }
}

const hasMore = ({ sent, limit }) => sent < limit;

function take(sender, { count, dueMs, texts }) {
  const end = Math.min(sender.sent + Math.max(0, count), sender.limit);
  const taken = Math.max(0, end - sender.sent);
  for (; sender.sent < end; sender.sent += 1) {
    texts.push(sender.texts.at(sender.sent));
    sender.dueMs[sender.sent] = dueMs;
  }
  return taken;
}

async function post(client, texts) {
  const answers = await client.post(`[${texts.join(',')}]`);
  const faults = Array.isArray(answers) ? answers : [answers];
  const refused = faults.find(({ error }) => error);
  if (refused) throw new Error(`${client.url} refused: ${refused.error.message}`);
}

/** One transaction after another, each waited for, with a pause between: what finality takes when all is idle. */
export async function runIdle({ lanes, news, count, pauseMs }) {
  const { client, senders } = lanes[0];
  const [sender] = senders;
  sender.times = [];
  sender.limit = sender.texts.length;
  for (let done = 0; done < count && hasMore(sender); done += 1) {
    await after(pauseMs);
    const texts = [];
    take(sender, { count: 1, dueMs: performance.now(), texts });
    await post(client, texts);
    const deadlineMs = performance.now() + tailMs;
    while (sender.final < sender.sent) {
      if (performance.now() > deadlineMs) throw new Error(stuckText([sender]));
      await news.next(1_000);
    }
  }
  return { p50Ms: percentile(sender.times, 0.5), p99Ms: percentile(sender.times, 0.99) };
}
