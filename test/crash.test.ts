/**
 * kill -9 of the daemons, one or two at a time, during 50 paid jobs. The moments are drawn from those that
 * hurt: right after the first token, between a voucher and its answer, during a claim, while a channel is
 * filled, or any time. Some jobs run three at a time on one channel, some are not streamed. The seed
 * fixes victims, moments and forms (not the scheduling of the machine); AITBC_TEST_SEED=random draws and
 * prints another one.
 *
 * The books must close exactly: what the chain has paid equals the sum of the last receipts of all jobs,
 * one chain of receipts a job, so that nothing is charged twice; the buyer counts the same; every answer
 * that arrived whole is charged in full and settled; supply is what it was at genesis.
 */
import { randomInt } from 'node:crypto';
import type { DaemonName } from '@aitbc/cli/devnet';
import { amountOf, chargeFor, type JobProof, priceOf, verifyJobProof } from '@aitbc/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom, settleAll, startNetwork, type TestNetwork, until } from './harness.ts';

const jobs = 50;
const victims: readonly DaemonName[] = ['node', 'wallet', 'coordinator', 'provider', 'gateway'];
const wish = process.env.AITBC_TEST_SEED ?? '1';
const seed = wish === 'random' ? randomInt(1_000_000) : Number(wish);
const random = createRandom(seed);
/** Small enough that the channel is filled every few jobs and the vault every few channels, nait. */
const funding = { AITBC_GATEWAY_CHANNEL_FUND: '60000', AITBC_GATEWAY_VAULT_FUND: '250000' };

let network: TestNetwork;

beforeAll(async () => {
  Object.assign(process.env, funding);
  network = await startNetwork();
});
afterAll(async () => {
  for (const name of Object.keys(funding)) delete process.env[name];
  await network?.end();
});

const moments = ['anytime', 'firstToken', 'voucher', 'claim', 'funding'] as const;

/** Who dies when, and during what. */
interface Round {
  readonly killed: readonly DaemonName[];
  readonly moment: (typeof moments)[number];
  readonly keys: readonly string[];
  readonly isStream: boolean;
}

function drawRound(number: number, firstJob: number): Round {
  const first = victims[number % victims.length]!;
  const others = victims.filter((name) => name !== first);
  const second = others[Math.floor(random() * others.length)]!;
  const calls = Math.min(random() < 0.25 ? 3 : 1, jobs - firstJob);
  return {
    killed: random() < 0.25 ? [first, second] : [first],
    moment: moments[Math.floor(random() * moments.length)]!,
    keys: Array.from({ length: calls }, (_, index) => `crash-${seed}-${firstJob + index}`),
    isStream: random() < 0.8,
  };
}

interface Asked {
  readonly complete: boolean;
  readonly jobId: string | null;
  /** What the gateway said, for the message of a failed test. */
  readonly said: string;
}

interface Asking {
  readonly model: string;
  readonly isStream: boolean;
  /** Called with the number of content lines so far. */
  readonly onTokens?: (count: number) => void;
}

/** One ask with a fixed key. */
async function ask(key: string, { model, isStream, onTokens }: Asking): Promise<Asked> {
  let jobId: string | null = null;
  try {
    const answer = await fetch(`${network.devnet.daemon('gateway').url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({
        model,
        messages: [{ role: 'user', content: `Job ${key}: how is an index used?` }],
        max_tokens: 120,
        temperature: 0,
        stream: isStream,
      }),
      signal: AbortSignal.timeout(60_000),
    });
    jobId = answer.headers.get('x-aitbc-job');
    const text = await readText(answer, onTokens);
    const isWhole = isStream ? text.includes('data: [DONE]') : text.includes('"finish_reason"');
    const complete = answer.ok && isWhole && !text.includes('"error"');
    return { complete, jobId, said: `${answer.status} ${text.slice(-400)}` };
  } catch (error) {
    if (error instanceof TypeError) return { complete: false, jobId, said: 'gone' }; // the gateway died under the call
    throw error;
  }
}

async function readText({ body }: Response, onTokens?: (count: number) => void): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    onTokens?.(text.split('"content":"').length - 1);
  }
  return text;
}

/** Resolves when it is time to kill. */
async function momentOf(round: Round, tokens: Promise<number>[]): Promise<void> {
  const { provider } = network.devnet.clients;
  const anytime = () => sleep(random() * 250);
  const reached = async (wanted: number) => {
    await Promise.race([tokens[wanted], sleep(1_500)]);
  };
  switch (round.moment) {
    case 'firstToken':
      await reached(1);
      return sleep(random() * 5);
    case 'voucher':
      // a voucher leaves when half a window is left: tokens 8, 24, 40 …
      return reached(8 + 16 * Math.floor(random() * 5));
    case 'claim':
      await anytime();
      provider.claimNow({}).catch(() => undefined); // it may die of this
      return sleep(random() * 100);
    case 'funding':
      return sleep(random() * 60);
    case 'anytime':
      return anytime();
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Promises by number of tokens, and the function that keeps them. */
function createTokenMarks(): { marks: Promise<number>[]; onTokens: (count: number) => void } {
  const kept: ((count: number) => void)[] = [];
  const marks = Array.from(
    { length: 128 },
    (_, index) =>
      new Promise<number>((resolve) => {
        kept[index] = resolve;
      }),
  );
  const onTokens = (count: number): void => {
    for (const keep of kept.slice(0, count + 1)) keep(count);
  };
  return { marks, onTokens };
}

/** Kills in the middle of the round's jobs, starts again, and asks anew for what did not arrive. */
async function play(round: Round, model: string): Promise<Asked[]> {
  const { devnet } = network;
  const { marks, onTokens } = createTokenMarks();
  const asking = { model, isStream: round.isStream };
  const asked = round.keys.map((key) => ask(key, { ...asking, onTokens }));
  await momentOf(round, marks);
  await Promise.all(round.killed.map((name) => devnet.kill(name)));
  for (const name of victims) if (round.killed.includes(name)) await devnet.restart(name);
  const first = await Promise.all(asked);
  await allReady();
  return Promise.all(
    // the same job: attached, answered from its record, or ended
    first.map((answer, index) => (answer.complete ? answer : ask(round.keys[index]!, asking))),
  );
}

it(`closes its books after kill -9 of every daemon during ${jobs} paid jobs`, {
  timeout: 600_000,
}, async () => {
  console.log(`crash seed ${seed}`);
  const { devnet } = network;
  const model = (await devnet.clients.coordinator.models({})).data[0]!.id;
  const completed = new Set<string>();
  const note = ({ complete, jobId }: Asked) => complete && jobId && completed.add(jobId);
  let asked = 0;
  for (let number = 0; asked < jobs; number += 1) {
    const round = drawRound(number, asked);
    asked += round.keys.length;
    const answers = await play(round, model);
    answers.forEach(note);
    if (process.env.AITBC_TEST_KEEP) {
      const { killed, moment, isStream } = round;
      const said = answers.map((answer) => (answer.complete ? 'ok' : answer.said)).join(' | ');
      console.log(`${asked} ${killed} ${moment} ${isStream ? 'stream' : 'whole'}: ${said}`);
    }
  }
  const survivor = await ask(`crash-${seed}-after`, { model, isStream: true });
  expect(survivor.complete, `the network works after all that: ${survivor.said}`).toBe(true);
  note(survivor);
  expect(completed.size).toBeGreaterThan(jobs / 4);

  await until('no job runs', async () => (await devnet.clients.provider.status({})).running === 0);
  await settleAll(devnet);
  await checkBooks(completed);
});

/** Every daemon says it is ready, and an offer is on display. */
async function allReady(): Promise<void> {
  const { devnet } = network;
  for (const name of victims) {
    await until(`${name} is ready`, async () => {
      const { url } = devnet.daemon(name);
      const answer = await fetch(`${url}/health/ready`).catch(() => undefined);
      return answer?.ok;
    });
  }
  await until('an offer is back', async () => {
    const { offers } = await devnet.clients.coordinator.listOffers({});
    return offers.length > 0;
  });
}

async function checkBooks(completed: ReadonlySet<string>): Promise<void> {
  const { clients, account } = network.devnet;
  const { network: chain } = await clients.node.network();
  const { channels } = await clients.node.rpc.state_listChannels({ payer: account });
  const paid = channels.reduce((sum, channel) => sum + BigInt(channel.totalClaimed), 0n);
  const status = await clients.provider.status({});
  expect(BigInt(status.charged), 'charged equals paid on chain').toBe(paid);

  let charged = 0n;
  const seen = new Set<string>();
  for (const { jobId } of (await clients.gateway.spend({ limit: 100 })).calls) {
    expect(seen.has(jobId), `job ${jobId} once`).toBe(false);
    seen.add(jobId);
    const record = await clients.provider.receipt({ jobId }).catch(() => undefined);
    const last = record?.receipts.at(-1)?.payload;
    if (last) charged += amountOf(last.charged);
  }
  expect(charged, 'one chain of receipts a job explains every paid nait').toBe(paid);
  await until(`the buyer counts ${paid} nait as well`, async () => {
    const { channels: own } = await clients.gateway.spend({ limit: 1 });
    return own.reduce((sum, channel) => sum + BigInt(channel.charged), 0n) === paid;
  });

  for (const jobId of completed) {
    const proof: JobProof = await clients.gateway.proof({ jobId });
    const proven = verifyJobProof(chain, proof);
    if (!proven.ok) throw new Error(`${jobId}: ${proven.facts.reason}`);
    const usage = proven.value;
    expect(usage.last.outcome, jobId).toBe('complete');
    expect(usage.parts, `${jobId} at one provider`).toHaveLength(1);
    expect(usage.charged).toBe(chargeFor(priceOf(usage.parts[0]!.offer), usage, 'complete'));
  }
  const audit = await clients.node.rpc.state_audit({});
  expect(audit).toMatchObject({ supply: audit.genesisSupply, problems: [] });
}
