/**
 * Strategies on a real market, with the command line as people type it: on paper nothing moves; live a seller's strategy
 * changes the signed offer that the coordinator shows, and a buyer's strategy waits while the price is high and runs its
 * job when the seller has come down.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unitPriceOf } from '@aitbc/market';
import { priceOf, verifyOffer } from '@aitbc/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startNetwork, type TestNetwork, until } from './harness.ts';

const cli = fileURLToPath(new URL('../cli/bin/aitbc.mjs', import.meta.url));
const running: ChildProcess[] = [];
let network: TestNetwork;
let model: string;

beforeAll(async () => {
  network = await startNetwork({ validators: 1 });
  model = (await network.devnet.clients.coordinator.models({})).data[0]?.id ?? '';
});
afterAll(async () => {
  for (const child of running) child.kill('SIGINT');
  await network?.end();
});

function start(...words: string[]) {
  const { home } = network.devnet;
  const args = [cli, '--home', home, 'ai-trading', ...words, '-m', model, '--json'];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, HOME: home, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  const said = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said.text += chunk;
    });
  }
  const ended = once(child, 'close').then(([code]) => code as number);
  return { said, ended };
}

async function aitbc(...words: string[]): Promise<string> {
  const { said, ended } = start(...words);
  expect(await ended, said.text).toBe(0);
  return said.text;
}

/** The one offer that the coordinator shows, with the signature of the registered key. */
async function offerShown() {
  const { coordinator, node } = network.devnet.clients;
  const { offers } = await coordinator.listOffers({ model });
  const { offer } = offers[0]!;
  const { provider } = offer.payload;
  const { authorizer } = await node.rpc.state_getProvider({ address: provider });
  const check = { nowMs: Date.now(), registeredAuthorizer: authorizer };
  expect(verifyOffer((await node.network()).network, offer, check).ok).toBe(true);
  return unitPriceOf(priceOf(offer.payload));
}

const near = (price: bigint, wanted: bigint) => price - wanted < 3n && wanted - price < 3n;
const limits = ['--floor', '0.0001', '--ceiling', '1', '--max-change', '100'];
const sell = (price: bigint) => [
  ...['run', '-s', 'fixed', '--once', '--parameters', `priceNait=${price}`],
  ...['--data-dir', join(network.devnet.home, 'provider'), ...limits],
];

it('on paper nothing moves; live the offer does, and a buyer runs its job when it is cheap', async () => {
  const { coordinator } = network.devnet.clients;
  const before = await offerShown();
  await aitbc(...sell(before * 2n), '--paper');
  expect(await offerShown()).toBe(before);

  await aitbc(...sell((before * 18n) / 10n), '--live', '--yes');
  const high = (before * 18n) / 10n;
  await until('the dearer offer is shown', async () => near(await offerShown(), high));

  const low = (before * 8n) / 10n;
  const jobs = join(network.devnet.home, 'jobs.jsonl');
  const messages = [{ role: 'user', content: 'What is a trigger?' }];
  writeFileSync(jobs, `${JSON.stringify({ messages, max_tokens: 8 })}\n`);
  const buyer = start(
    ...['run', '-s', 'fixed-price', '--parameters', `priceNait=${before}`, '--live', '--yes'],
    ...['--jobs', jobs, '--budget', '0.01', '--ceiling', '1', '--every', '1'],
  );
  await until('the buyer waits', async () => buyer.said.text.includes('wait 1 job'));
  expect(buyer.said.text).not.toContain('"acted":true');

  await aitbc(...sell(low), '--live', '--yes');
  expect(await buyer.ended, buyer.said.text).toBe(0);
  expect(buyer.said.text).toContain('"acted":true');
  const { runs } = JSON.parse(await status());
  const run = runs.find(({ side }: { side: string }) => side === 'buyer');
  expect(run).toMatchObject({ mode: 'live', jobs: 1, isRunning: false });

  const [line] = readFileSync(
    join(runsDir(), `live-fixed-price--${model}.answers.jsonl`),
    'utf8',
  ).split('\n');
  const { jobId, charged } = JSON.parse(line ?? '');
  expect(charged).toBe(run.spentNait);
  const { offer, receipt } = await coordinator.jobResult({ jobId });
  expect(receipt.payload.charged).toBe(charged);
  expect(near(unitPriceOf(priceOf(offer.payload)), low)).toBe(true);
});

const runsDir = () => join(network.devnet.home, 'trading', 'runs');

async function status(): Promise<string> {
  const { home } = network.devnet;
  const child = spawn(process.execPath, [cli, '--home', home, 'ai-trading', 'status', '--json']);
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await once(child, 'close');
  return text;
}
