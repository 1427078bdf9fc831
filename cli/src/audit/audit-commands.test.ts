import {
  AppError,
  addressOf,
  type ChainAuditJson,
  coordinatorEndpoints,
  nodeRpc,
  providerOwnerEndpoints,
} from '@aitbc/protocol';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createTestHome } from '../testing/run-words.ts';
import { serveNode, serveTable, type TestServer } from '../testing/table-server.ts';

const home = createTestHome();
afterAll(() => home.remove());
const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const [seller, accuser, juror] = ['01', '02', '03'].map((byte) => addressOf(byte.repeat(32))) as [
  string,
  string,
  string,
];
const id = 'ab'.repeat(32);

async function serve<S extends TestServer>(server: Promise<S>): Promise<S> {
  servers.push(await server);
  return server;
}

describe('aitbc audit list', () => {
  const audit = {
    ...{ jobId: id, provider: seller, digest: 'sha256:00', recordHash: id, seed: id },
    ...{ state: 'guilty' as const, drawHeight: 12, rateBps: 300, auditor: accuser },
    ...{ report: null, auditId: id, atMs: 1_700_000_000_000 },
  };

  it('shows what the coordinator tells, of one provider in one state, page by page', async () => {
    const server = await serve(
      serveTable(coordinatorEndpoints, {
        listAudits: ({ after }) => ({ audits: [audit], next: after === undefined ? '1.a' : null }),
      }),
    );
    const words = ['audit', 'list', '--provider', seller, '--state', 'guilty'];
    const { stdout, exitCode } = await home.run([...words, '--coordinator-url', server.url]);
    expect([exitCode, stdout.match(/guilty/g)?.length]).toEqual([0, 2]);
    expect(stdout).toContain('2023-11-14 22:13:20');
    expect(server.calls.map(({ input }) => input)).toEqual([
      { provider: seller, state: 'guilty' },
      { provider: seller, state: 'guilty', after: '1.a' },
    ]);
  });

  it('names the states when it is asked for another one', async () => {
    const { exitCode, stderr } = await home.run(['audit', 'list', '--state', 'bad']);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('guilty, acquitted')]);
  });

  it('shows the disputes of the own provider', async () => {
    const found = { auditId: id, role: 'accused' as const, provider: seller, jobId: id };
    const server = await serve(
      serveTable(providerOwnerEndpoints, {
        ownCases: () => ({ cases: [{ ...found, state: 'decided guilty', changedAtMs: 1 }] }),
      }),
    );
    const env = { AITBC_PROVIDER_URL: server.url, AITBC_PROVIDER_TOKEN: 'owner' };
    const { stdout } = await home.run(['audit', 'list', '--mine'], { env });
    expect(stdout).toContain('accused');
    expect(stdout).toContain('decided guilty');
  });
});

describe('aitbc audit show', () => {
  const dispute: ChainAuditJson = {
    ...{ auditId: id, provider: seller, opener: accuser, jobId: id, digest: id, recordHash: id },
    ...{ round: 1, phase: 'reveal', dueMs: 1_700_000_000_000, firstResult: null, result: null },
    ...{ deposit: '1000000000', appellant: null, appealDeposit: '0', held: '0' },
    seats: [
      { juror, round: 1, committed: true, verdict: 'cheat', reportHash: id },
      { juror: accuser, round: 1, committed: true, verdict: null, reportHash: null },
      { juror: seller, round: 1, committed: false, verdict: null, reportHash: null },
    ],
  };

  it('tells parties, date and votes from the chain', async () => {
    const node = await serve(
      serveNode(nodeRpc, {
        audit_get({ auditId }) {
          if (auditId === id) return dispute;
          throw new AppError('AUDIT_UNKNOWN', { auditId });
        },
      }),
    );
    const { stdout, exitCode } = await home.run(['audit', 'show', id, '--node-url', node.url]);
    expect(exitCode).toBe(0);
    for (const part of [seller, accuser, 'reveal', 'cheat', 'hidden', 'none', '1 AIT']) {
      expect(stdout).toContain(part);
    }
    const other = await home.run(['audit', 'show', 'cd'.repeat(32), '--node-url', node.url]);
    expect([other.exitCode, other.stderr]).toEqual([4, expect.stringContaining('no audit')]);
  });
});

describe('aitbc audit appeal', () => {
  it('asks the own provider to appeal', async () => {
    const server = await serve(
      serveTable(providerOwnerEndpoints, { appealAudit: ({ auditId }) => ({ auditId }) }),
    );
    const env = { AITBC_PROVIDER_URL: server.url, AITBC_PROVIDER_TOKEN: 'owner' };
    const { stdout } = await home.run(['audit', 'appeal', id, '--yes'], { env });
    expect(stdout).toContain('Five other jurors');
    expect(server.calls).toEqual([
      { what: 'appealAudit', authorization: 'Bearer owner', input: { auditId: id } },
    ]);
  });
});

it.each(['show', 'appeal', 'close'])('aitbc audit %s takes ids of disputes only', async (word) => {
  const { exitCode, stderr } = await home.run(['audit', word, 'xyz']);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining('64 hex digits')]);
});
