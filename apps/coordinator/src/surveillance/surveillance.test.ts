import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chainFactsOf, detectors, recheck, type WatchedEvent } from '@aitbc/market';
import {
  type Alert,
  channelConfigOf,
  channelIdOf,
  coordinatorEndpoints,
  recordToJson,
  type StoredAlert,
  txKinds,
} from '@aitbc/protocol';
import { createClient } from '@aitbc/sdk';
import { until } from '@aitbc/service';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Bench,
  createTestChain,
  identityOf,
  network,
  startBench,
} from '../testing/harness.ts';
import { sellingProvider, signedReceipt } from '../testing/provider.ts';

const [seller, buyer, owner] = ['seller', 'buyer', 'owner'].map(identityOf) as [
  ReturnType<typeof identityOf>,
  ReturnType<typeof identityOf>,
  ReturnType<typeof identityOf>,
];
const allocation = {
  ...{ receiver: seller.accountId, payerAuthorizer: buyer.publicKey, withdrawDelayMs: 60_000 },
  ...{ receiverAuthorizer: seller.publicKey, salt: 'cc'.repeat(32), amount: 5_000_000n },
};
const channelId = channelIdOf(network, channelConfigOf(buyer.accountId, allocation));
const jobOf = (at: number) => `${at}`.padStart(64, '0');

let bench: Bench;
afterEach(() => bench.stop());

async function open(config: Parameters<typeof startBench>[0] = {}): Promise<string> {
  const chain = createTestChain();
  chain.register(seller);
  bench = await startBench({ chain, ...config });
  return (await sellingProvider(bench)).offerId;
}

/** The owner funds seller and buyer; the buyer funds a channel. */
function fundBoth(): void {
  const { blocks } = bench.chain;
  const transfer = (to: string) => ({
    ...{ kind: 'transfer' as const, from: owner.address },
    body: { to, amount: '9000000000', memo: '' },
  });
  const body = recordToJson(txKinds.channel_fund.fields, allocation);
  blocks.add(bench.clock.nowMs(), transfer(seller.address), transfer(buyer.address));
  blocks.add(bench.clock.nowMs(), { kind: 'channel_fund', from: buyer.address, body });
}

async function buy(offerId: string, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 1) {
    const receipt = signedReceipt(seller, { jobId: jobOf(at), offerId }, { channelId, to: 60 });
    await bench.client.report({ receipt, firstTokenMs: 100, durationMs: 2_100 });
  }
}

/** Alerts when there are so many; time passes until then. */
async function alertsWhen(count: number): Promise<StoredAlert[]> {
  return until(
    async () => {
      await bench.pass(2_500);
      const { alerts } = await bench.client.listAlerts({ limit: 100 });
      return alerts.length >= count ? alerts : undefined;
    },
    { what: `${count} alerts` },
  );
}

/** Facts are stored before receipts come: the follower reads blocks on its own. */
async function factsAreIn(): Promise<void> {
  await until(
    async () => {
      await bench.pass(2_500);
      return (await bench.client.surveillanceStatus({})).events >= 4;
    },
    { what: 'the facts of the chain' },
  );
}

/** What the alert names, from the coordinator's events and the chain's blocks. */
async function evidenceOf({ evidence }: Alert): Promise<WatchedEvent[]> {
  const { events } = await bench.client.events({});
  const found: WatchedEvent[] = events.filter(({ seq }) => evidence.events.includes(seq));
  for (let height = 1; height <= (await bench.chain.blocks.height()); height += 1) {
    for (const { id: txId, tx, receipt } of await bench.chain.blocks.txs(height)) {
      if (!evidence.txs.includes(txId)) continue;
      const seq = height * 1_000 + receipt.index;
      const facts = chainFactsOf(network, tx);
      found.push(...facts.map((one) => ({ seq, atMs: height, txId, facts: one })));
    }
  }
  return found;
}

const adminOf = (dataDir: string) => readFileSync(join(dataDir, 'admin.token'), 'utf8').trim();

describe('a coordinator with detectors', () => {
  test('finds self-dealing over chain and receipts, and anybody can check the alert', async () => {
    const offerId = await open();
    fundBoth();
    await factsAreIn();
    await buy(offerId, 0, 12);
    const [alert] = await alertsWhen(1);
    if (!alert) throw new Error('no alert');
    expect(alert).toMatchObject({ pattern: 'self-dealing', level: 'medium', status: 'open' });
    expect(alert.subjects.map(({ address }) => address)).toEqual([seller.address, buyer.address]);
    expect([alert.evidence.txs.length, alert.evidence.events.length]).toEqual([3, 12]);
    expect(await bench.client.showAlert({ id: alert.id })).toEqual(alert);
    const detector = detectors.find(({ name }) => name === alert.pattern);
    if (!detector) throw new Error('no detector');
    const events = await evidenceOf(alert);
    expect(recheck({ alert, events, detector })).toEqual({ ok: true, value: true });
    expect((await bench.client.listAlerts({ level: 'high' })).alerts).toEqual([]);
    expect((await bench.client.listAlerts({ subject: buyer.address })).alerts).toHaveLength(1);
    expect((await bench.client.listAlerts({ after: alert.seq })).alerts).toEqual([]);
  });

  test('goes on after a crash where it was, and says nothing twice', async () => {
    const offerId = await open();
    fundBoth();
    await factsAreIn();
    await buy(offerId, 0, 8);
    await bench.pass(2_500);
    bench = await bench.crash();
    await buy(offerId, 8, 14);
    const alerts = await alertsWhen(1);
    expect(alerts).toHaveLength(1);
    bench = await bench.crash();
    await bench.pass(2_500);
    expect((await bench.client.listAlerts({})).alerts).toEqual(alerts);
  });

  test('tells receipts that contradict each other, once, with both of them', async () => {
    const offerId = await open();
    const job = { jobId: jobOf(1), offerId };
    const report = (text: string) => {
      const receipt = signedReceipt(seller, job, { textHash: text.repeat(32), to: 9 });
      return bench.client.report({ receipt, firstTokenMs: 1, durationMs: 2 });
    };
    expect(await report('aa')).toMatchObject({ accepted: true });
    expect(await report('aa')).toMatchObject({ accepted: false });
    expect(await report('bb')).toMatchObject({ accepted: false });
    await report('dd');
    const [alert] = await alertsWhen(1);
    expect(alert).toMatchObject({ pattern: 'equivocation', level: 'critical' });
    const { events } = await bench.client.events({ kind: 'receipt_conflict' });
    expect(events).toHaveLength(1);
    expect(events[0]?.facts).toMatchObject({ jobId: job.jobId, first: {}, second: {} });
  });

  test('tells how many slots a provider declares, when that changes', async () => {
    const chain = createTestChain();
    chain.register(seller);
    bench = await startBench({ chain });
    const { provider } = await sellingProvider(bench);
    for (const slots of [3, 3, 5]) {
      provider.send({ type: 'heartbeat', gauges: { running: 0, waiting: 0, slots } });
    }
    const told = await until(async () => {
      await bench.pass(2_500);
      const { events } = await bench.client.events({ kind: 'capacity' });
      return events.length >= 2 ? events : undefined;
    });
    expect(told.map(({ facts }) => facts)).toEqual([
      { kind: 'capacity', slots: 3 },
      { kind: 'capacity', slots: 5 },
    ]);
  });
});

describe('the operator', () => {
  const asAdmin = () => {
    const options = { baseUrl: bench.url, token: adminOf(bench.dataDir) };
    return createClient(coordinatorEndpoints, options);
  };

  test('closes alerts and switches detectors with the token of its file, and nobody else does', async () => {
    const offerId = await open();
    expect(statSync(join(bench.dataDir, 'admin.token')).mode & 0o777).toBe(0o600);
    await expect(bench.client.stopDetectors({})).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    const id = 'ab'.repeat(32);
    const resolution = 'false_positive' as const;
    const refused = bench.client.resolveAlert({ id, resolution });
    await expect(refused).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    const admin = asAdmin();
    await expect(admin.resolveAlert({ id, resolution })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const { running } = await admin.stopDetectors({ pattern: 'equivocation' });
    expect([running.length, running.includes('equivocation')]).toEqual([
      detectors.length - 1,
      false,
    ]);
    await expect(admin.stopDetectors({ pattern: 'nothing' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect((await admin.startDetectors({})).running).toHaveLength(detectors.length);
    for (const text of ['aa', 'bb']) {
      const change = { textHash: text.repeat(32), to: 9 };
      const receipt = signedReceipt(seller, { jobId: jobOf(1), offerId }, change);
      await bench.client.report({ receipt, firstTokenMs: 1, durationMs: 2 });
    }
    const [alert] = await alertsWhen(1);
    const end = { id: alert?.id ?? '', resolution, note: 'a power cut' };
    expect(await admin.resolveAlert(end)).toMatchObject({ status: resolution, note: end.note });
    expect((await bench.client.listAlerts({ status: 'open' })).alerts).toEqual([]);
    const { patterns } = await bench.client.alertPatterns({});
    const own = patterns.find(({ pattern }) => pattern === 'equivocation');
    expect(own).toMatchObject({ levels: { critical: 1 }, states: { open: 0, false_positive: 1 } });
  });

  test('adds detectors of its own; a broken one is named and left out', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aitbc-detectors-'));
    const good = `export default {
      name: 'any-login', about: 'Somebody came', watches: ['provider_in'],
      thresholds: { least: { value: 1, unit: 'logins', about: 'that count' } },
      create: () => ({ save: () => null, take: (event) => [{
        id: 'ab'.repeat(32), atMs: event.atMs, level: 'low', pattern: 'any-login',
        subjects: [{ role: 'provider', address: event.provider }], text: 'came', confidence: 50,
        evidence: { txs: [], events: [event.seq] }, thresholds: {} }] }),
    };`;
    writeFileSync(join(folder, 'good.mjs'), good);
    writeFileSync(
      join(folder, 'late.mjs'),
      good
        .replace("'any-login', about", "'thrower', about")
        .replace('(event) => [{', '(event) => [{ ...event.nothing.at,'),
    );
    writeFileSync(join(folder, 'bad.mjs'), 'export default { name: "bad" };');
    writeFileSync(
      join(folder, 'ours.mjs'),
      good.replace("'any-login', about", "'equivocation', about"),
    );
    try {
      await open({
        config: { surveillancePlugins: folder, surveillanceThresholds: ['any-login.least=7'] },
      });
      const [alert] = await alertsWhen(1);
      expect(alert).toMatchObject({ pattern: 'any-login', text: 'came' });
      const status = await bench.client.surveillanceStatus({});
      expect(status.brokenPlugins.map(({ file }) => file)).toEqual(['bad.mjs', 'ours.mjs']);
      const own = status.detectors.find(({ pattern }) => pattern === 'any-login');
      expect(own).toMatchObject({ isPlugin: true, isRunning: true, alerts: 1 });
      expect(own?.thresholds).toMatchObject([{ name: 'least', value: 7 }]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test('a follower gets each alert once, with its number, and what it missed', async () => {
  const offerId = await open();
  const conflict = async (at: number) => {
    for (const text of ['aa', 'bb']) {
      const change = { textHash: text.repeat(32), to: 9 };
      const receipt = signedReceipt(seller, { jobId: jobOf(at), offerId }, change);
      await bench.client.report({ receipt, firstTokenMs: 1, durationMs: 2 });
    }
  };
  const follow = async (headers: Record<string, string>) => {
    const ending = new AbortController();
    const url = `${bench.url}/v1/surveillance/alerts/follow`;
    const { body } = await fetch(url, { headers, signal: ending.signal });
    const decoder = new TextDecoder();
    let text = '';
    const reading = (async () => {
      for await (const bytes of body ?? []) text += decoder.decode(bytes, { stream: true });
    })().catch(() => {});
    return {
      ids: () => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)),
      async end() {
        ending.abort();
        await reading;
      },
    };
  };
  const first = await follow({});
  await conflict(1);
  const [alert] = await alertsWhen(1);
  await until(() => first.ids().length === 1, { what: 'the alert on the stream' });
  expect(first.ids()).toEqual([alert?.seq]);
  await first.end();
  const later = await follow({ 'last-event-id': '0' });
  await until(() => later.ids().length === 1, { what: 'the alert that was missed' });
  await later.end();
});
