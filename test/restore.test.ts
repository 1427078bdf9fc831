/**
 * Backup and restore with real processes: paid jobs, a backup while they run, more paid jobs, and then the data
 * folders of wallet, gateway, provider and coordinator are gone. What was acknowledged before the backup is there
 * again. What came later: the chain keeps what it has paid; the buyer pays for nothing twice; the provider loses what it
 * had earned since the backup and had not claimed, and no more.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { DaemonName } from '@aitbc/cli/devnet';
import { runCli } from '@aitbc/cli/run';
import { amountOf, verifyJobProof } from '@aitbc/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { settleAll, startNetwork, type TestNetwork, until } from './harness.ts';

const victims: readonly DaemonName[] = ['wallet', 'coordinator', 'provider', 'gateway'];
const tokens = 24;
let network: TestNetwork;
let model: string;
let asked = 0;

beforeAll(async () => {
  network = await startNetwork({ validators: 1 });
  model = (await network.devnet.clients.coordinator.models({})).data[0]?.id ?? '';
});
afterAll(() => network?.end());

const backup = () => join(network.devnet.home, 'monday');

/** Runs a command of ours; the answer it prints. */
async function aitbc(...words: string[]) {
  let said = '';
  const write = (text: string): boolean => {
    said += text;
    return true;
  };
  const exitCode = await runCli({
    argv: [...words, '--json'],
    env: { AITBC_HOME: network.devnet.home },
    stdin: Readable.from([]),
    ...{ stdout: { write }, stderr: { write } },
    signal: new AbortController().signal,
    version: '0.1.0',
  });
  return { exitCode, said };
}

/** A paid answer; the id of its job. */
async function buy(): Promise<string> {
  asked += 1;
  const answer = await fetch(`${network.devnet.daemon('gateway').url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': `restore-${asked}` },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content: `Job ${asked}: how is an index used?` }],
      max_tokens: tokens,
      temperature: 0,
    }),
  });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return answer.headers.get('x-aitbc-job') ?? '';
}

/** What the provider says a job costs. */
async function chargeOf(jobId: string): Promise<bigint> {
  const { receipts } = await network.devnet.clients.provider.receipt({ jobId });
  return amountOf(receipts.at(-1)?.payload.charged ?? '0');
}

async function sumOf(jobIds: readonly string[]): Promise<bigint> {
  const charges = await Promise.all(jobIds.map(chargeOf));
  return charges.reduce((sum, charge) => sum + charge, 0n);
}

/** What the chain has paid to the provider. */
async function paid(): Promise<bigint> {
  const { clients, account } = network.devnet;
  const { channels } = await clients.node.rpc.state_listChannels({ payer: account });
  return channels.reduce((sum, { totalClaimed }) => sum + amountOf(totalClaimed), 0n);
}

/** Daemons and their folders are gone, as after the loss of a disk, and come back from the backup. */
async function loseAndRestore(names: readonly DaemonName[]): Promise<void> {
  const { devnet } = network;
  for (const name of names) await devnet.kill(name);
  for (const name of names) rmSync(join(devnet.home, name), { recursive: true });
  const { exitCode, said } = await aitbc('backup', 'restore', backup(), '--only', names.join());
  expect(exitCode, said).toBe(0);
  for (const name of names) await devnet.restart(name);
  await until('all are ready, and an offer is on display', async () => {
    for (const name of victims) {
      const health = await fetch(`${devnet.daemon(name).url}/health/ready`).catch(() => undefined);
      if (!health?.ok) return false;
    }
    return (await devnet.clients.coordinator.listOffers({})).offers.length > 0;
  });
}

/** The gateway still proves these jobs, and the provider has their receipts. */
async function expectKept(jobIds: readonly string[]): Promise<void> {
  const { clients } = network.devnet;
  const { network: chain } = await clients.node.network();
  for (const jobId of jobIds) {
    const proven = verifyJobProof(chain, await clients.gateway.proof({ jobId }));
    if (!proven.ok) throw new Error(`${jobId}: ${proven.facts.reason}`);
    expect(await chargeOf(jobId)).toBe(proven.value.charged);
  }
}

it('brings back what was acknowledged before the backup, and nobody pays twice for the rest', {
  timeout: 120_000,
}, async () => {
  const { devnet } = network;
  const before = [await buy(), await buy(), await buy()];
  const job = await devnet.clients.gateway.submitJob({
    model,
    messages: [{ role: 'user', content: 'What is a trigger?' }],
    max_tokens: tokens,
  });
  await until('the asynchronous job has ended', async () => {
    return (await devnet.clients.coordinator.getJob({ jobId: job.jobId })).state === 'completed';
  });
  const running = buy(); // the copy is made while this one runs
  const made = await aitbc('backup', 'create', backup());
  expect(made.exitCode, made.said).toBe(0);
  const during = await running;

  const claimed = [await buy(), await buy()];
  await settleAll(devnet);
  const paidBefore = await paid();
  const unclaimed = await buy();
  const earned = await sumOf([...before, job.jobId, during, ...claimed]);
  const atRisk = await chargeOf(unclaimed);
  expect(paidBefore).toBe(earned);

  await loseAndRestore(victims);
  await expectKept(before);
  const { state } = await devnet.clients.coordinator.getJob({ jobId: job.jobId });
  expect(state).toBe('completed');
  const { accounts } = await devnet.clients.wallet.listAccounts({});
  expect(accounts.map(({ address }) => address)).toContain(devnet.account);

  const after = await buy();
  await settleAll(devnet);
  const end = await paid();
  const due = earned + atRisk + (await chargeOf(after));
  expect(end, 'the buyer paid no more than it got').toBeLessThanOrEqual(due);
  expect(due - end, 'the provider lost at most what it had not claimed').toBeLessThanOrEqual(
    atRisk,
  );
  console.info(`restored all four: ${due} nait earned, ${due - end} of them lost by the provider`);
});

it('a gateway alone that is older than its provider learns what it had signed', {
  timeout: 120_000,
}, async () => {
  const { devnet } = network;
  const forgotten = [await buy(), await buy()];
  const owed = await sumOf(forgotten);
  const paidBefore = await paid();
  await loseAndRestore(['gateway']);
  const after = await buy();
  await settleAll(devnet);
  expect((await paid()) - paidBefore).toBe(owed + (await chargeOf(after)));
  const audit = await devnet.clients.node.rpc.state_audit({});
  expect(audit).toMatchObject({ supply: audit.genesisSupply, problems: [] });
});

it('leaves out the chain and the votes, and puts back nothing that was touched', async () => {
  const { leftOut } = JSON.parse(readFileSync(join(backup(), 'backup.json'), 'utf8'));
  expect(leftOut).toEqual(expect.arrayContaining(['node/blocks.log', 'node/journal-0']));
  expect(existsSync(join(backup(), 'data/node/journal-0'))).toBe(false);
  const over = await aitbc('backup', 'restore', backup(), '--only', 'gateway');
  expect(over).toMatchObject({ exitCode: 2, said: expect.stringContaining('exists already') });
  const again = await aitbc('backup', 'create', backup());
  expect(again).toMatchObject({ exitCode: 2, said: expect.stringContaining('exists already') });

  const file = join(backup(), 'data/gateway/gateway.db');
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  const to = join(network.devnet.home, 'elsewhere');
  const broken = await aitbc('backup', 'restore', backup(), '--to', to);
  expect(broken).toMatchObject({ said: expect.stringContaining('STORE_CORRUPT') });
  expect(existsSync(join(to, 'gateway'))).toBe(false);
});
