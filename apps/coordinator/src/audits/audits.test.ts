import { inputsOf, scoreOf } from '@aitbc/market';
import { accountIdOf, auditIdOf, auditRecordHashOf, drawOrder, unwrap } from '@aitbc/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectSeller, jobIdOfName, logIn, reportBy, reportJob } from '../testing/audited.ts';
import {
  type Bench,
  blockHashAt,
  bondMinNait,
  type Identity,
  identityOf,
  network,
  startBench,
} from '../testing/harness.ts';
import type { TestProvider } from '../testing/provider.ts';

const seller = identityOf('seller');
const jobId = jobIdOfName('one');
const disputeWithinMs = 10 * 60_000;
let bench: Bench;
const connections = new Map<string, TestProvider>();

beforeEach(async () => {
  bench = await startBench({ config: { auditRateBps: 10_000 } });
  for (const name of ['seller', 'ann', 'bob', 'cid']) {
    connections.set(name, (await connectSeller(bench, name)).provider);
  }
});
afterEach(() => bench.stop());

/** Providers ask for their duties; whose answer has one gives its name. */
async function dutyHolders(names: readonly string[]): Promise<string[]> {
  const holders: string[] = [];
  for (const name of names) {
    const options = await logIn(bench, identityOf(name));
    const { duties } = await bench.client.auditDuties({}, options);
    if (duties.length > 0) holders.push(name);
  }
  return holders;
}

/** Blocks come until the one that draws is final. */
function passBlocks(): void {
  bench.chain.audits.newest += 2;
}

/** Heartbeats of all, so that no lease runs out meanwhile. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10_000) {
    for (const provider of connections.values()) {
      provider.send({ type: 'heartbeat', gauges: { running: 0, waiting: 0, slots: 1 } });
    }
    await dutyHolders([]);
    await bench.pass(Math.min(left, 10_000));
  }
}

function orderOf(names: readonly string[], height: number): string[] {
  const byId = new Map(names.map((name) => [identityOf(name).accountId, name]));
  const draw = { seed: blockHashAt(height), subject: jobId, candidates: [...byId.keys()] };
  return drawOrder(network, draw).map((id) => byId.get(id) ?? '');
}

/** A job is reported, drawn and handed in; gives its record and its auditor. */
async function assigned(names: readonly string[] = ['ann', 'bob', 'cid']) {
  await dutyHolders(names);
  const { record, audit } = await reportJob(bench);
  passBlocks();
  expect(await bench.client.giveAuditRecord({ record })).toEqual({ accepted: true });
  const [auditor = ''] = await dutyHolders(names);
  return { record, audit, auditor, identity: identityOf(auditor) };
}

const listed = async () => (await bench.client.listAudits({ provider: seller.address })).audits[0];

describe('a job that is drawn', () => {
  test('is told to its buyer by the height of a block that is not there yet', async () => {
    const { audit } = await reportJob(bench);
    expect(audit).toEqual({ height: bench.chain.audits.newest + 2, rateBps: 10_000 });
    expect(await reportJob(bench)).toMatchObject({ audit }); // the same for who lost the answer
  });

  test('is given to the first provider of the draw, which anybody can compute again', async () => {
    const { audit, auditor, record } = await assigned();
    const order = orderOf(['ann', 'bob', 'cid'], audit?.height ?? 0);
    expect(auditor).toBe(order[0]);
    expect(await dutyHolders(['seller', 'ann', 'bob', 'cid'])).toEqual([auditor]);
    const recordHash = auditRecordHashOf(network, record);
    expect(await listed()).toMatchObject({ state: 'assigned', recordHash, report: null });
    expect(await bench.client.giveAuditRecord({ record })).toEqual({ accepted: false });
  });

  test('is shown to its auditor and its provider, and to nobody else', async () => {
    const { record, auditor } = await assigned();
    const hash = auditRecordHashOf(network, record);
    for (const name of [auditor, 'seller']) {
      const options = await logIn(bench, identityOf(name));
      expect((await bench.client.auditRecord({ hash }, options)).record).toEqual(record);
    }
    const other = ['ann', 'bob', 'cid'].find((name) => name !== auditor) ?? '';
    const options = await logIn(bench, identityOf(other));
    await expect(bench.client.auditRecord({ hash }, options)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await expect(bench.client.auditRecord({ hash })).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    });
    expect(JSON.stringify(await bench.client.listAudits({}))).not.toContain('hi there');
  });

  test('goes to the next of the draw when its auditor is silent', async () => {
    const { audit, auditor } = await assigned();
    const order = orderOf(['ann', 'bob', 'cid'], audit?.height ?? 0);
    await pass(121_000);
    await dutyHolders(['ann', 'bob', 'cid']);
    await bench.pass(1_000);
    expect(await dutyHolders(['ann', 'bob', 'cid'])).toEqual([order[1]]);
    expect(order[1]).not.toBe(auditor);
  });

  test('waits for an auditor, and survives a crash meanwhile', async () => {
    const { record } = await reportJob(bench);
    passBlocks();
    await bench.client.giveAuditRecord({ record });
    expect((await listed())?.state).toBe('waiting');
    bench = await bench.crash();
    connections.set('ann', (await connectSeller(bench, 'ann')).provider);
    await dutyHolders(['ann']);
    await bench.pass(1_000);
    expect(await dutyHolders(['ann'])).toEqual(['ann']);
  });
});

describe('a record is not taken', () => {
  test('before the block of its draw is final, for a job nobody reported, or one not drawn', async () => {
    const { record } = await reportJob(bench);
    await expect(bench.client.giveAuditRecord({ record })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    const fresh = await startBench({ config: { auditRateBps: 1 } });
    try {
      await expect(fresh.client.giveAuditRecord({ record })).rejects.toMatchObject({
        code: 'JOB_UNKNOWN',
      });
      await connectSeller(fresh, 'seller');
      await reportJob(fresh);
      fresh.chain.audits.newest += 2;
      expect(await fresh.client.giveAuditRecord({ record })).toEqual({ accepted: false });
    } finally {
      await fresh.stop();
    }
  });

  test('when it does not end with the reported receipt, or was changed', async () => {
    const { record } = await reportJob(bench);
    const other = (await reportJob(bench, 'two')).record;
    passBlocks();
    const [part] = record.parts;
    const [foreign] = other.parts;
    if (!part || !foreign) throw new Error('the records are empty');
    const forged = [
      { ...record, parts: [part, foreign] },
      { ...record, parts: [{ ...part, text: 'hi  here' }] },
      { ...record, body: record.body.replace('hello', 'hallo') },
    ];
    for (const wrong of forged) {
      await expect(bench.client.giveAuditRecord({ record: wrong })).rejects.toMatchObject({
        code: 'AUDIT_RECORD_INVALID',
      });
    }
    expect(await bench.client.giveAuditRecord({ record })).toEqual({ accepted: true });
  });
});

describe('a report', () => {
  const refused = { code: 'AUDIT_REPORT_INVALID' };

  test('counts from the drawn auditor only, signed, about this record, and as its figures say', async () => {
    const { record, auditor, identity } = await assigned();
    const other = identityOf(['ann', 'bob', 'cid'].find((name) => name !== auditor) ?? '');
    const wrong = [
      reportBy(other, record, 'honest'),
      { ...reportBy(identity, record, 'honest'), signature: 'ab'.repeat(64) },
      reportBy({ ...identity, secretKey: other.secretKey } as Identity, record, 'honest'),
      reportBy(identity, { ...record, body: `${record.body} ` }, 'honest'),
      reportBy(identity, record, 'cheat without a gap'),
    ];
    for (const report of wrong) {
      await expect(bench.client.auditReport({ report })).rejects.toMatchObject(refused);
    }
    const report = reportBy(identity, record, 'honest');
    expect(await bench.client.auditReport({ report })).toEqual({ accepted: true });
    expect(await bench.client.auditReport({ report })).toEqual({ accepted: false });
    expect(await dutyHolders([auditor])).toEqual([]);
    expect(await listed()).toMatchObject({ state: 'honest', report });
  });

  test('that finds nothing counts for the provider, and anybody can count again', async () => {
    const { record, identity } = await assigned();
    await bench.client.auditReport({ report: reportBy(identity, record, 'honest') });
    const told = await bench.client.providerScore({ address: seller.address, explain: '1' });
    expect(told.inputs).toMatchObject({ auditsPassed: 1, auditsFailed: 0 });
    expect(told.audits?.map(({ state }) => state)).toEqual(['honest']);
    await bench.pass(1);
    await bench.pass(3_000); // events are told when they can no longer be overtaken
    const { events } = await bench.client.events({ kind: 'audit' });
    expect(events).toMatchObject([
      { provider: seller.address, facts: { jobId, auditor: identity.address, verdict: 'honest' } },
    ]);
  });

  test('that nobody brings to the chain speaks against nobody', async () => {
    const { record, identity } = await assigned();
    await bench.client.auditReport({ report: reportBy(identity, record, 'cheat') });
    expect(await verifiable()).toContain(seller.address);
    await pass(disputeWithinMs);
    await bench.pass(1_000);
    expect((await listed())?.state).toBe('unproven');
    const told = await bench.client.providerScore({ address: seller.address });
    expect(told.inputs).toMatchObject({ auditsPassed: 0, auditsFailed: 0 });
  });
});

const verifiable = async (): Promise<string[]> => {
  const { offers } = await bench.client.route({
    models: ['tiny'],
    provider: { verifiable: true },
    limit: 20,
  });
  return offers.map(({ offer }) => offer.payload.provider);
};

describe('a dispute on chain', () => {
  async function disputed() {
    const { record, identity, auditor } = await assigned();
    await bench.client.auditReport({ report: reportBy(identity, record, 'cheat') });
    const recordHash = auditRecordHashOf(network, record);
    const provider = unwrap(accountIdOf(seller.address));
    const auditId = auditIdOf(network, { jobId, provider, recordHash });
    const juror = identityOf(['ann', 'bob', 'cid'].find((name) => name !== auditor) ?? '');
    bench.chain.audits.disputes.set(auditId, { result: null, jurors: [juror.address] });
    await bench.pass(1_000);
    return { auditId, recordHash, juror };
  }

  test('puts the provider out of the verifiable class, and lets its jurors read the record', async () => {
    const { recordHash, juror } = await disputed();
    expect((await listed())?.state).toBe('disputed');
    expect(await verifiable()).not.toContain(seller.address);
    const { offers } = await bench.client.route({ models: ['tiny'], limit: 20 });
    expect(offers.map(({ offer }) => offer.payload.provider)).toContain(seller.address);
    const options = await logIn(bench, juror);
    const { record } = await bench.client.auditRecord({ hash: recordHash }, options);
    expect(auditRecordHashOf(network, record)).toBe(recordHash);
  });

  test('that is won gives everything back', async () => {
    const { auditId } = await disputed();
    bench.chain.audits.disputes.set(auditId, { result: 'acquitted', jurors: [] });
    await bench.pass(1_000);
    expect((await listed())?.state).toBe('acquitted');
    expect(await verifiable()).toContain(seller.address);
    expect(await bench.client.providerScore({ address: seller.address })).toMatchObject({
      inputs: { auditsFailed: 0 },
    });
  });

  test('that is lost costs the score, also after a restart, and the lease when the bond is too low', async () => {
    const { auditId } = await disputed();
    bench.chain.register(seller, { bondNait: bondMinNait - 1n });
    bench.chain.audits.disputes.set(auditId, { result: 'guilty', jurors: [] });
    await bench.pass(1_000);
    await bench.pass(1_000);
    const connection = connections.get('seller');
    expect(await connection?.next('refused')).toMatchObject({
      error: { code: 'PROVIDER_BOND_LOW' },
    });
    bench = await bench.crash();
    const told = await bench.client.providerScore({ address: seller.address });
    expect(told.inputs).toMatchObject({ auditsFailed: 1 });
    const nothing = { passed: 0, failed: 1 };
    const oneReport = { outcome: 'complete', firstTokenMs: 1, boundMs: 1_000 };
    expect(told.score).toBe(scoreOf(inputsOf([oneReport], nothing)));
    expect(told.score).toBeLessThan(1_000);
  });
});
