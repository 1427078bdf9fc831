import { chainFactsOf, createPatrol, detectors, type WatchedEvent } from '@aitbc/market';
import { hex, keyPairFromSeed, sha256, utf8 } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  channelConfigOf,
  channelIdOf,
  coordinatorEndpoints,
  type Fields,
  type MarketEvent,
  networkFromHash,
  nodeRpc,
  recordToJson,
  type SignedReceipt,
  type StoredAlert,
  signDocument,
  type TxKind,
  txKinds,
} from '@aitbc/protocol';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { outputs } from '../output/outputs.ts';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome } from '../testing/run-words.ts';
import { serveNode, serveTable, type TestServer } from '../testing/table-server.ts';

const home = createTestHome();
afterAll(() => home.remove());
const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
async function serve(server: Promise<TestServer>): Promise<TestServer> {
  servers.push(await server);
  return server;
}

const status = chainStatus();
const network = networkFromHash(status.network, status.genesisHash);
const [seller, buyer, owner] = ['01', '02', '03'].map((byte) => byte.repeat(32)) as [
  string,
  string,
  string,
];
const provider = addressOf(seller);
const keys = keyPairFromSeed(sha256(utf8('hot key')));
const signer = { publicKey: hex(keys.publicKey), secretKey: keys.secretKey };
const allocation = {
  ...{ receiver: seller, payerAuthorizer: 'aa'.repeat(32), receiverAuthorizer: 'bb'.repeat(32) },
  ...{ withdrawDelayMs: 60_000, salt: 'cc'.repeat(32), amount: 5_000_000n },
};
const channelId = channelIdOf(network, channelConfigOf(buyer, allocation));

function txOf(kind: TxKind, from: string, body: object) {
  const json = recordToJson(txKinds[kind].fields as Fields, body as never);
  return { kind, from: addressOf(from), nonce: 0, validUntil: 0, fee: '1', body: json };
}
const transfer = (to: string) => txOf('transfer', owner, { to, amount: 9_000_000_000n, memo: '' });
const txs = [transfer(seller), transfer(buyer), txOf('channel_fund', buyer, allocation)];
const txIdOf = (at: number) => hex(sha256(utf8(`tx ${at}`)));
const facts: WatchedEvent[] = txs.flatMap((tx, at) =>
  chainFactsOf(network, tx).map((one) => ({ seq: at + 1, atMs: 1, txId: txIdOf(at), facts: one })),
);

function receiptOf(at: number): SignedReceipt {
  const payload = {
    ...{ v: 1 as const, network: network.caip2, jobId: `${at}`.padStart(64, '0') },
    ...{ offerId: 'dd'.repeat(32), channelId, provider, model: 'tiny', digest: 'sha256:00' },
    ...{ from: 0, to: 60, prefixHash: 'ee'.repeat(32), textHash: 'ff'.repeat(32) },
    ...{ promptTokens: 5, outcome: 'complete' as const, charged: '1000', atMs: 1_000 + at },
    chargedCumulative: '1000',
  };
  return signDocument({ tag: 'receipt', network }, payload, signer);
}
const receipts = Array.from({ length: 12 }, (_, at) => receiptOf(at));
const events: MarketEvent[] = receipts.map(({ payload }, at) => {
  const { jobId, offerId, model, promptTokens, to: outputTokens, charged, outcome } = payload;
  const sold = { jobId, offerId, channelId, model, promptTokens, outputTokens, charged, outcome };
  const times = { firstTokenMs: 100, durationMs: 2_100, receiptAtMs: payload.atMs };
  const seq = 1_000 + at * 10;
  return { seq, atMs: 2_000 + at, provider, facts: { kind: 'receipt', ...sold, ...times } };
});

/** The alert that a coordinator would have stored. */
const alert: StoredAlert = (() => {
  const patrol = createPatrol(detectors.map((detector) => ({ detector })));
  const [found] = [...facts, ...events].flatMap((event) => patrol.take(event));
  if (!found) throw new Error('no alert');
  return { ...found, seq: 7, status: 'open', note: '', resolvedAtMs: null };
})();

/** A coordinator and a node that have the evidence, or what a test makes of it. */
async function world(changes: { alert?: StoredAlert; events?: MarketEvent[] } = {}) {
  const told = changes.alert ?? alert;
  const stored = changes.events ?? events;
  const scores = { receipts: 12, delivered: 12, broken: 0, deadlineHits: 12, deadlineMisses: 0 };
  const coordinator = await serve(
    serveTable(coordinatorEndpoints, {
      showAlert({ id }) {
        if (id === told.id) return told;
        throw new AppError('NOT_FOUND', { what: `alert ${id}` });
      },
      listAlerts: ({ after }) => ({ alerts: after === undefined ? [told] : [], next: null }),
      events({ after = 0, limit = 100 }) {
        const page = stored.filter(({ seq }) => seq > after).slice(0, limit);
        return { events: page, next: page.at(-1)?.seq ?? after };
      },
      providerScore: () => ({
        ...{ provider, score: 1_000, formula: 1 as const, offers: [], audits: [] },
        inputs: { ...scores, auditsPassed: 0, auditsFailed: 0 },
        evidence: receipts.map((receipt) => ({ receipt, firstTokenMs: 100, boundMs: 1_000 })),
      }),
    }),
  );
  const node = await serve(
    serveNode(nodeRpc, {
      chain_status: () => status,
      chain_getHeader: ({ height }) => ({ hash: 'ab'.repeat(32), header: headerAt(height ?? 0) }),
      state_getProvider: () => ({
        ...{ address: provider, authorizer: signer.publicKey, endpoint: 'http://p.example' },
        ...{ bond: '1', unbondDueMs: 0 },
      }),
      tx_get({ txId }) {
        const at = txs.findIndex((_tx, place) => txIdOf(place) === txId);
        const tx = txs[at];
        if (!tx) throw new AppError('NOT_FOUND', { what: `transaction ${txId}` });
        const { kind, from, fee } = tx;
        const receipt = { txId, height: 3, index: at, kind, from, fee };
        return { status: 'final' as const, tx, receipt, blockHash: 'ab'.repeat(32) };
      },
    }),
  );
  return ['--coordinator-url', coordinator.url, '--node-url', node.url];
}

function headerAt(height: number) {
  const hash = 'ab'.repeat(32);
  const roots = { txRoot: hash, stateRoot: hash, receiptRoot: hash, evidenceRoot: hash };
  const sets = { validatorsHash: hash, nextValidatorsHash: hash, proposer: hash, parent: hash };
  const place = { version: 1, chain: status.chain, height, epoch: 0, view: height, timeMs: 5 };
  return { ...place, ...sets, ...roots };
}

describe('aitbc surveillance verify', () => {
  it('judges the evidence again, from the chain and with signatures', async () => {
    const urls = await world();
    const { exitCode, stdout } = await home.run(['surveillance', 'verify', alert.id, ...urls]);
    expect(stdout).toContain('It holds: 12 of the last 12 receipts');
    expect(stdout).toContain('12 of 12 receipts checked by signature');
    expect(exitCode).toBe(0);
    const json = await home.run(['surveillance', 'verify', alert.id, '--json', ...urls]);
    const answer = outputs['surveillance verify']?.parse(JSON.parse(json.stdout));
    expect(answer).toMatchObject({ holds: true, events: 12, txs: 3, signedReceipts: 12 });
  });

  const dearer = events.map((event, at) =>
    at === 3 && event.facts.kind === 'receipt'
      ? { ...event, facts: { ...event.facts, charged: '9000' } }
      : event,
  );
  it.each([
    ['an event that is gone', { events: events.slice(1) }, 'is missing'],
    ['an event that says something else', { events: dearer }, 'says something else than its event'],
    ['a louder alert', { alert: { ...alert, level: 'critical' as const } }, 'it says more'],
    [
      'a transaction that nobody sent',
      { alert: { ...alert, evidence: { ...alert.evidence, txs: ['99'.repeat(32)] } } },
      'There is no transaction 9999',
    ],
  ])('ends with exit code 8 for %s', async (_what, changes, reason) => {
    const urls = await world(changes);
    const { exitCode, stdout } = await home.run(['surveillance', 'verify', alert.id, ...urls]);
    expect([exitCode, stdout]).toEqual([8, expect.stringContaining(reason)]);
  });
});

describe('aitbc surveillance', () => {
  it('lists alerts and shows one; an unknown one is exit code 4', async () => {
    const urls = await world();
    const list = await home.run(['surveillance', 'alerts', '--level', 'medium', ...urls]);
    expect(list.stdout).toContain('self-dealing');
    const json = await home.run(['surveillance', 'alerts', '--json', ...urls]);
    const answer = outputs['surveillance alerts']?.parse(JSON.parse(json.stdout));
    expect(answer).toMatchObject({ alerts: [{ id: alert.id }] });
    const shown = await home.run(['surveillance', 'show', alert.id, ...urls]);
    expect(shown.stdout).toContain('12 events, 3 transactions');
    expect(shown.stdout).toContain(`aitbc surveillance verify ${alert.id}`);
    const unknown = await home.run(['surveillance', 'show', 'ab'.repeat(32), ...urls]);
    expect(unknown.exitCode).toBe(4);
  });

  it('follows alerts until it is stopped', async () => {
    const urls = await world();
    const ending = new AbortController();
    const words = ['surveillance', 'alerts', '--follow', '--json', ...urls];
    const onStdout = () => ending.abort();
    const { stdout } = await home.run(words, { signal: ending.signal, onStdout });
    expect(JSON.parse(stdout)).toMatchObject({ id: alert.id });
  });

  it('closes alerts and switches detectors with the token of the operator, and says where it looked', async () => {
    const server = await serve(
      serveTable(coordinatorEndpoints, {
        resolveAlert: ({ resolution, note }) => ({
          ...alert,
          status: resolution,
          note,
          resolvedAtMs: 5,
        }),
        startDetectors: () => ({ running: ['price-jump'] }),
        stopDetectors: () => ({ running: [] }),
      }),
    );
    const url = ['--coordinator-url', server.url];
    const words = ['surveillance', 'resolve', alert.id, '--resolution', 'false_positive'];
    const without = await home.run([...words, ...url]);
    expect([without.exitCode, without.stderr]).toEqual([5, expect.stringContaining('admin.token')]);
    const env = { AITBC_COORDINATOR_TOKEN: 'operator' };
    const closed = await home.run([...words, '--note', 'a refund', ...url], { env });
    expect(closed.stdout).toContain('false positive at 1970-01-01 00:00:00: a refund');
    const stopped = await home.run(['surveillance', 'stop', ...url], { env });
    expect(stopped.stdout).toContain('No detector is at work.');
    const started = await home.run(['surveillance', 'start', 'price-jump', '--json', ...url], {
      env,
    });
    expect(JSON.parse(started.stdout)).toEqual({ running: ['price-jump'] });
    expect(server.calls.every((call) => call.authorization === 'Bearer operator')).toBe(true);
  });

  it('tells its patterns, its status and its totals', async () => {
    const patterns = await home.run(['surveillance', 'list-patterns', '--json']);
    const known = outputs['surveillance list-patterns']?.parse(JSON.parse(patterns.stdout));
    expect(known).toMatchObject({ patterns: detectors.map(({ name }) => ({ pattern: name })) });
    const row = { pattern: 'self-dealing', about: 'x', isRunning: false, isPlugin: false };
    const threshold = { name: 'receiptsMin', value: 12, unit: 'receipts', about: 'of the pair' };
    const server = await serve(
      serveTable(coordinatorEndpoints, {
        surveillanceStatus: () => ({
          ...{ isRunning: false, seq: 9, lagMs: 0, events: 5, microsPerEvent: 7.5 },
          detectors: [{ ...row, watches: ['receipt'], thresholds: [threshold], alerts: 3 }],
          brokenPlugins: [{ file: 'bad.mjs', reason: 'no name' }],
        }),
        alertPatterns: () => ({
          patterns: [
            {
              ...{ pattern: 'self-dealing', about: 'x' },
              levels: { low: 0, medium: 2, high: 1, critical: 0 },
              states: { open: 1, resolved: 0, false_positive: 2 },
            },
          ],
        }),
      }),
    );
    const url = ['--coordinator-url', server.url];
    const status = await home.run(['surveillance', 'status', ...url]);
    expect(status.stdout).toContain('0 of 1 detector at work, up to date; 5 events');
    expect(status.stdout).toContain('bad.mjs is left out: no name');
    const summary = await home.run(['surveillance', 'summary', '--json', ...url]);
    const answer = outputs['surveillance summary']?.parse(JSON.parse(summary.stdout));
    expect(answer).toMatchObject({ totals: { open: 1, resolved: 0, falsePositives: 2 } });
  });

  it('tries the detectors here, without a server', async () => {
    const words = ['surveillance', 'test', '--runs', '1', '--seed', '3'];
    const { stdout, exitCode } = await home.run([...words, '--json']);
    const answer = outputs['surveillance test']?.parse(JSON.parse(stdout));
    expect([exitCode, answer]).toEqual([0, expect.objectContaining({ runs: 1, seed: 3 })]);
    expect((await home.run(['surveillance', 'test', '--runs', '0'])).exitCode).toBe(2);
  });
});
