/**
 * kill -9 of each daemon at random moments of 50 paid jobs. The seed is printed; AITBC_TEST_SEED repeats it.
 *
 * The books must close exactly: what the chain has paid equals the sum of the last receipts of all jobs,
 * one chain of receipts a job, so that nothing is charged twice; every answer that arrived whole is
 * charged in full and settled; supply is what it was at genesis.
 */
import { randomInt } from 'node:crypto';
import type { DaemonName } from '@aitbc/cli/devnet';
import { amountOf, chargeFor, type JobProof, priceOf, verifyJobProof } from '@aitbc/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom, settleAll, startNetwork, type TestNetwork, until } from './harness.ts';

const jobs = 50;
const victims: readonly DaemonName[] = ['node', 'wallet', 'coordinator', 'provider', 'gateway'];
const seed = Number(process.env.AITBC_TEST_SEED ?? randomInt(1_000_000));
const random = createRandom(seed);

let network: TestNetwork;

beforeAll(async () => {
  network = await startNetwork();
});
afterAll(() => network?.end());

interface Asked {
  readonly complete: boolean;
  readonly jobId: string | null;
  /** What the gateway said, for the message of a failed test. */
  readonly said: string;
}

/** One ask with a fixed key; true when the whole answer arrived. */
async function ask(key: string, model: string): Promise<Asked> {
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
        stream: true,
      }),
      signal: AbortSignal.timeout(60_000),
    });
    jobId = answer.headers.get('x-aitbc-job');
    const text = await answer.text();
    const complete = answer.ok && text.includes('data: [DONE]') && !text.includes('"error"');
    return { complete, jobId, said: `${answer.status} ${text.slice(-400)}` };
  } catch (error) {
    if (error instanceof TypeError) return { complete: false, jobId, said: 'gone' }; // the gateway died under the call
    throw error;
  }
}

it(`closes its books after kill -9 of every daemon during ${jobs} paid jobs`, {
  timeout: 600_000,
}, async () => {
  console.log(`crash seed ${seed}`);
  const { devnet } = network;
  const model = (await devnet.clients.coordinator.models({})).data[0]!.id;
  const completed = new Set<string>();
  for (let number = 0; number < jobs; number += 1) {
    const victim = victims[number % victims.length]!;
    const key = `crash-${seed}-${number}`;
    const asked = ask(key, model);
    await new Promise((resolve) => setTimeout(resolve, random() * 250));
    await devnet.kill(victim);
    await devnet.restart(victim);
    const first = await asked;
    if (first.complete && first.jobId) completed.add(first.jobId);
    await allReady();
    if (!first.complete) {
      const again = await ask(key, model); // the same job: attached, answered from its record, or ended
      if (again.complete && again.jobId) completed.add(again.jobId);
    }
  }
  const survivor = await ask(`crash-${seed}-after`, model);
  expect(survivor.complete, `the network works after all that: ${survivor.said}`).toBe(true);
  completed.add(survivor.jobId!);
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

  const { calls } = await allCalls();
  let charged = 0n;
  const seen = new Set<string>();
  for (const { jobId } of calls) {
    expect(seen.has(jobId), `job ${jobId} once`).toBe(false);
    seen.add(jobId);
    const record = await clients.provider.receipt({ jobId }).catch(() => undefined);
    const last = record?.receipts.at(-1)?.payload;
    if (last) charged += amountOf(last.charged);
  }
  expect(charged, 'one chain of receipts a job explains every paid nait').toBe(paid);

  for (const jobId of completed) {
    const proof: JobProof = await clients.gateway.proof({ jobId });
    const proven = verifyJobProof(chain, proof);
    if (!proven.ok) throw new Error(`${jobId}: ${proven.facts.reason}`);
    const usage = proven.value;
    expect(usage.last.outcome, jobId).toBe('complete');
    expect(usage.charged).toBe(chargeFor(priceOf(proof.offer.payload), usage, 'complete'));
  }
  const audit = await clients.node.rpc.state_audit({});
  expect(audit).toMatchObject({ supply: audit.genesisSupply, problems: [] });
}

async function allCalls() {
  return network.devnet.clients.gateway.spend({ limit: 100 });
}
