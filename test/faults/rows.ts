/**
 * The card: what goes wrong, what the client must see, and what each provider must get for it. Sums in nait follow from
 * docs/spec/payments.md, "Who pays when it breaks": a token costs 1, the prompt of 7 tokens 7, the request 7.
 */
import type { EarlyFault, LateFault, LineFault, ManneredFault } from '@aitbc/cli/net';
import type { EngineFault } from '@aitbc/provider/testing';
import { until } from '../harness.ts';
import type { Asking, Judgement, Seen } from './client.ts';
import type { Market, MarketWishes } from './market.ts';
import type { Shop } from './shop.ts';

/** Where most faults strike: in the middle of the first window. */
export const struckAt = 10;
const tokens = 40n;
const promptAndRequest = 14n;
const whole = promptAndRequest + tokens;
/** Time in which bytes on loopback have reached the other side. */
const deliveryMs = 20;
const given = BigInt(struckAt);

/** A market and a client in it. */
export interface Scene {
  readonly market: Market;
  ask(how?: Partial<Asking>): Promise<Seen>;
}

/** One line of the card. */
export interface Row {
  readonly place: 'line' | 'engine' | 'process' | 'client';
  readonly fault: string;
  readonly wishes?: MarketWishes;
  /** Default: asks. */
  readonly play?: (scene: Scene) => Promise<Seen>;
  /** Of a stream, and of an answer in one piece. */
  readonly sees: readonly [Judgement, Judgement];
  /** What the providers get, nait. */
  readonly due: readonly bigint[];
}

const passes = ['pass', 'pass'] as const;
const breaks = ['partial', 'safe'] as const;

/** The first provider gave nothing that counts; the second gave all. */
const elsewhere = [0n, whole] as const;
/** The line broke and both sides live: to the provider it looks as if its client had left. */
const leftAfter = (count: bigint) => [promptAndRequest + count, whole - count] as const;
/** The buyer had signed up to token 24 when the line fell silent, so far the provider went on. */
const silenced = [promptAndRequest + 24n, whole - given] as const;
/** The first provider failed: its tokens, and nothing for the prompt. */
const failedAfter = (count: bigint) => [count, whole - count] as const;

const armed =
  (fault: LineFault) =>
  ({ market, ask }: Scene): Promise<Seen> => {
    market.shops[0]?.proxy.arm(fault);
    return ask();
  };

/** Everything on the line is well again before the books are closed. */
const mended =
  (play: (scene: Scene) => Promise<Seen>) =>
  async (scene: Scene): Promise<Seen> => {
    const seen = await play(scene);
    for (const { proxy } of scene.market.shops) proxy.mend();
    return seen;
  };

const early = (fault: string, how: EarlyFault, due: readonly bigint[] = elsewhere): Row => ({
  ...{ place: 'line', fault, sees: passes, due },
  wishes: { firstTokenMs: 1_000 },
  play: mended(armed({ early: how })),
});

const refusal = (status: number, code: string): Row => {
  const body = JSON.stringify({ error: { message: code, type: code, code } });
  return early(`HTTP ${status} before the first byte`, { status, body });
};

const late = (fault: string, how: LateFault, after = struckAt): Row => ({
  ...{ place: 'line', fault, sees: passes, due: leftAfter(BigInt(after)) },
  play: armed({ late: how, after }),
});

const odd = (fault: string, manner: ManneredFault): Row => ({
  ...{ place: 'line', fault, sees: passes, due: [whole, 0n] },
  play: armed({ manner }),
});

const engine = (
  fault: string,
  ollamaFault: EngineFault,
  due: readonly bigint[] = failedAfter(given),
): Row => ({ place: 'engine', fault, wishes: { ollamaFault }, sees: passes, due });

/** Holds a provider's answer after so many content lines, and calls back. */
function whenPassed(shop: Shop | undefined, lines: number, then: () => void): void {
  const proxy = shop?.proxy;
  proxy?.arm({ late: 'hold', after: lines });
  proxy?.onLine((passed) => {
    if (passed !== lines) return;
    proxy.onLine(undefined);
    setTimeout(then, deliveryMs);
  });
}

const killed = async ({ market, ask }: Scene, lines: number): Promise<Seen> => {
  whenPassed(market.shops[0], lines, () => market.shops[0]?.kill());
  const seen = await ask();
  await market.shops[0]?.restart();
  return seen;
};

async function killedBeforeFirst({ market, ask }: Scene): Promise<Seen> {
  const [first] = market.shops;
  const asking = ask();
  await until('the job runs', async () => (await first?.client().status({}))?.running === 1);
  first?.kill();
  const seen = await asking;
  await first?.restart();
  return seen;
}

async function bothProvidersKilled({ market, ask }: Scene): Promise<Seen> {
  const { shops } = market;
  whenPassed(market.shops[0], struckAt, () => shops[0]?.kill());
  whenPassed(market.shops[1], struckAt, () => shops[1]?.kill());
  const seen = await ask();
  for (const shop of shops) await shop.restart();
  return seen;
}

async function gatewayKilled({ market, ask }: Scene): Promise<Seen> {
  whenPassed(market.shops[0], struckAt, () => market.till.kill());
  const seen = await ask();
  await market.till.restart();
  return seen;
}

/** The same call again gets the whole answer, from a provider that lives. */
async function allKilled(scene: Scene): Promise<Seen> {
  const { market, ask } = scene;
  whenPassed(market.shops[0], struckAt, () => {
    market.till.kill();
    market.shops[0]?.kill();
  });
  const seen = await ask();
  await market.shops[0]?.restart();
  await market.till.restart();
  const again = await ask();
  return again.judgement === 'pass' ? seen : { ...again, judgement: 'fail' };
}

async function clientLeaves({ market, ask }: Scene, lines: number): Promise<Seen> {
  const leaving = new AbortController();
  if (lines > 0) whenPassed(market.shops[0], lines, () => leaving.abort());
  const asking = ask({ signal: leaving.signal });
  if (lines === 0) {
    const [first] = market.shops;
    await until('the job runs', async () => (await first?.client().status({}))?.running === 1);
    leaving.abort();
  }
  return asking;
}

/** All lines of the card. */
export const rows: readonly Row[] = [
  early('connection refused', 'refuse'),
  early('connection open, never an answer', 'half-open'),
  early('connection reset before the first byte', 'reset-first'),
  early('HTTP 200 with a page of HTML', 'html-200'),
  early('HTTP 200 with an empty body', 'empty-200'),
  early('HTTP 200 with JSON that is no stream', 'json-200'),
  early('HTTP 502 on the way, after the provider began', 'late-502', [15n, whole]),
  refusal(429, 'RATE_LIMITED'),
  refusal(500, 'server_error'),
  refusal(503, 'overloaded'),
  refusal(401, 'UNAUTHORIZED'),
  late('connection reset in mid-answer', 'reset'),
  late('connection closed without the end of the body', 'fin'),
  late('the stream ends cleanly, without its last word', 'clean-end'),
  late('the same after the first token', 'clean-end', 1),
  late('the same at the edge of a window', 'clean-end', 16),
  {
    ...late('the same behind the last token', 'clean-end', 40),
    due: [whole, 0n],
  },
  late('the stream ends in the middle of a line', 'truncated-line'),
  late('a line that is not JSON', 'garbage-line'),
  late('a page of HTML in the stream', 'html-in-stream'),
  late('a line of 2 MiB', 'oversized-line'),
  late('an error event, then a clean end', 'error-event'),
  { ...late('silence in mid-answer', 'stall'), due: silenced },
  { ...late('only comments in mid-answer', 'only-comments'), due: silenced },
  late('200 tokens more than are paid for', 'unpaid-tokens'),
  late('a receipt that nobody signed', 'forged-receipt'),
  late('a line that counts as 99 999 tokens', 'huge-count'),
  odd('the answer comes byte by byte', 'byte-by-byte'),
  odd('the answer comes line by line, slowly', 'drip'),
  odd('lines end as on Windows', 'crlf'),
  odd('comments and unknown fields between the lines', 'noise'),
  {
    ...late('the stream ends cleanly, and there is no other provider', 'clean-end'),
    wishes: { shops: 1 },
    sees: breaks,
    due: [promptAndRequest + given],
  },
  engine('Ollama closes the connection', { kind: 'close', afterTokens: struckAt }),
  engine('Ollama ends without its last word', { kind: 'no-done', afterTokens: struckAt }),
  engine('Ollama says that its runner died', { kind: 'error-line', afterTokens: struckAt }),
  engine('Ollama sends what is not JSON', { kind: 'not-json', afterTokens: struckAt }),
  engine('Ollama sends a line without end', { kind: 'long-line', afterTokens: struckAt }),
  engine('Ollama falls silent', { kind: 'stall', afterTokens: struckAt }),
  engine('Ollama is busy', { kind: 'busy' }, elsewhere),
  engine('Ollama cannot load the model', { kind: 'broken' }, elsewhere),
  {
    ...{ place: 'engine', fault: 'the engine fails in mid-answer' },
    wishes: { failsAt: struckAt },
    sees: passes,
    due: failedAfter(given),
  },
  {
    ...{ place: 'engine', fault: 'the engine never gives a first token' },
    wishes: { isSilent: true, firstTokenMs: 1_000 },
    sees: passes,
    due: elsewhere,
  },
  {
    ...{ place: 'process', fault: 'the provider is killed before its first token' },
    wishes: { isSilent: true },
    play: killedBeforeFirst,
    sees: passes,
    due: elsewhere,
  },
  {
    ...{ place: 'process', fault: 'the provider is killed in mid-answer' },
    play: (scene) => killed(scene, struckAt),
    sees: passes,
    due: failedAfter(given),
  },
  {
    ...{ place: 'process', fault: 'the provider is killed in its second window' },
    play: (scene) => killed(scene, 20),
    sees: passes,
    due: failedAfter(20n),
  },
  {
    ...{ place: 'process', fault: 'both providers are killed, one after the other' },
    play: bothProvidersKilled,
    sees: breaks,
    due: [given, given],
  },
  {
    ...{ place: 'process', fault: 'the gateway is killed in mid-answer' },
    play: gatewayKilled,
    sees: breaks,
    due: [promptAndRequest + given, 0n],
  },
  {
    ...{ place: 'process', fault: 'gateway and provider are killed; the client asks again' },
    play: allKilled,
    sees: breaks,
    due: elsewhere,
  },
  {
    ...{ place: 'client', fault: 'the client leaves before the first token' },
    wishes: { isSilent: true },
    play: (scene) => clientLeaves(scene, 0),
    sees: ['safe', 'safe'],
    due: [0n, 0n],
  },
  {
    ...{ place: 'client', fault: 'the client leaves in mid-answer' },
    play: (scene) => clientLeaves(scene, struckAt),
    sees: breaks,
    due: [promptAndRequest + given, 0n],
  },
];
