import { base64 } from '@aitbc/primitives';
import {
  addressOf,
  encodeTxBatch,
  nodeRpc,
  nodeSocketRpc,
  type RpcMethod,
  type RpcTable,
} from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ChainNode } from '../app.ts';
import {
  actor,
  faucetActor,
  makeFolder,
  nodeIn,
  type TestAnswer,
  type TestFolder,
  transfer,
} from '../testing/test-node.ts';
import { openSocket, type TestSocket } from '../testing/test-socket.ts';

const friend = 'https://app.example';
const evil = 'http://evil.example';
const to = addressOf(actor(7).publicKey);
const table: RpcTable = { ...nodeRpc, ...nodeSocketRpc };
const namesThat = (change: RpcMethod['changes']): string[] =>
  Object.keys(table).filter((name) => table[name]?.changes === change);

describe('the table of methods', () => {
  it('says of each what it changes', () => {
    expect(namesThat('signed')).toEqual(['tx_send', 'tx_sendAndWait', 'tx_sendBatch']);
    expect(namesThat('node')).toEqual(['dev_faucet', 'admin_snapshot', 'admin_stop']);
    const reads =
      /^(\w+_(get|list)\w*|(chain|mempool)_status|state_audit|audits_open|audit_jurors|tx_simulate|tx_feeFloor|net_peers|consensus_state|rpc\.discover|(un)?subscribe)$/;
    expect(namesThat(undefined).filter((name) => !reads.test(name))).toEqual([]);
  });
});

const sockets: TestSocket[] = [];
let at: TestFolder;
let node: ChainNode;

async function startNode(allowedOrigins: readonly string[]): Promise<void> {
  at = makeFolder();
  node = nodeIn(at, { allowedOrigins });
  await node.start();
}
async function endNode(): Promise<void> {
  await node.stop();
  at.remove();
}
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

async function fetchAs(origin: string | undefined, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(origin ? { origin } : {}) };
  return fetch(node.url as string, { method: 'POST', headers, body: JSON.stringify(body) });
}
const request = (method: string, params: unknown = {}) => ({
  jsonrpc: '2.0',
  id: 1,
  method,
  params,
});
async function ask(origin: string | undefined, method: string, params?: unknown) {
  const response = await fetchAs(origin, request(method, params));
  const { error } = (await response.json()) as TestAnswer;
  const cors = response.headers.get('access-control-allow-origin');
  return { status: response.status, code: error?.data.code ?? 'OK', cors };
}
async function socketOf(origin?: string): Promise<TestSocket> {
  const socket = await openSocket(node.url as string, origin ? { origin } : {});
  sockets.push(socket);
  return socket;
}
const codeOf = async (answer: Promise<TestAnswer>) => (await answer).error?.data.code ?? 'OK';
async function pendingNonceOf(address: string): Promise<number> {
  const response = await fetchAs(undefined, request('state_getAccount', { address }));
  return ((await response.json()) as TestAnswer).result.pendingNonce;
}
const payment = (nonce: number) =>
  transfer(at.network, faucetActor, { to: actor(7).publicKey, nonce }).bytes;

describe('a node that lists no origin', () => {
  beforeAll(() => startNode([]));
  afterAll(endNode);

  it('answers programs as ever, the faucet included', async () => {
    expect(await ask(undefined, 'chain_status')).toEqual({ status: 200, code: 'OK', cors: null });
    expect((await ask(undefined, 'dev_faucet', { address: to })).code).toBe('OK');
    const socket = await socketOf();
    const address = addressOf(actor(8).publicKey);
    expect(await codeOf(socket.call('dev_faucet', { address }))).toBe('OK');
  });

  it.each([evil, friend, 'null'])('answers no page of %s', async (origin) => {
    const refused = { status: 403, code: 'FORBIDDEN', cors: null };
    expect(await ask(origin, 'chain_status')).toEqual(refused);
    expect(await ask(origin, 'dev_faucet', { address: to })).toEqual(refused);
    await expect(socketOf(origin)).rejects.toThrow('HTTP 403');
  });

  it('does not take a name that was made to point here for its own', async () => {
    const { port } = new URL(node.url as string);
    const host = `evil.example:${port}`;
    const opening = openSocket(node.url as string, { host, origin: `http://${host}` });
    await expect(opening).rejects.toThrow('HTTP 403');
  });

  it('lets a page of its own address read and send, and use no right of the node', async () => {
    const socket = await socketOf(node.url);
    expect(await codeOf(socket.call('chain_status'))).toBe('OK');
    expect(await codeOf(socket.call('tx_send', { tx: '' }))).toBe('TX_MALFORMED');
    expect(await codeOf(socket.call('dev_faucet', { address: to }))).toBe('FORBIDDEN');
    expect((await ask(node.url, 'dev_faucet', { address: to })).code).toBe('FORBIDDEN');
  });
});

describe('a node that lists an origin', () => {
  beforeAll(() => startNode([friend]));
  afterAll(endNode);

  it('answers its preflight and lets it read the answers', async () => {
    const headers = {
      origin: friend,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    };
    const preflight = await fetch(node.url as string, { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': friend,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'content-type',
    });
    expect(await ask(friend, 'chain_status')).toEqual({ status: 200, code: 'OK', cors: friend });
    expect((await ask(friend, 'rpc.discover')).code).toBe('OK');
    const metrics = await fetch(`${node.url}/metrics`, { headers: { origin: friend } });
    expect(metrics.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('takes what it brings signed, one by one, in batches and as bytes', async () => {
    const tx = base64(payment(0));
    expect((await ask(friend, 'tx_send', { tx })).code).toBe('OK');
    const socket = await socketOf(friend);
    expect(await codeOf(socket.call('tx_sendBatch', { txs: [base64(payment(1))] }))).toBe('OK');
    socket.wire.sendBytes(encodeTxBatch({ requestId: 1, txs: [payment(2)] }));
    const address = addressOf(faucetActor.publicKey);
    await until(async () => (await pendingNonceOf(address)) === 3);
    await socket.follow('finalBlocks');
  });

  it('lets it use no right of the node, in a batch or as a notification neither', async () => {
    const address = addressOf(faucetActor.publicKey);
    const before = await pendingNonceOf(address);
    for (const method of namesThat('node')) {
      expect((await ask(friend, method, { address: to })).code, method).toBe('FORBIDDEN');
    }
    const batch = [request('chain_status'), request('dev_faucet', { address: to })];
    const answers = (await (await fetchAs(friend, batch)).json()) as TestAnswer[];
    expect(answers.map(({ error }) => error?.data.code ?? 'OK')).toEqual(['OK', 'FORBIDDEN']);
    const { id: _, ...silent } = request('dev_faucet', { address: to });
    expect((await fetchAs(friend, silent)).status).toBe(204);
    const socket = await socketOf(friend);
    expect(await codeOf(socket.call('dev_faucet', { address: to }))).toBe('FORBIDDEN');
    expect(await pendingNonceOf(address)).toBe(before);
  });

  it('refuses all others', async () => {
    expect((await ask(evil, 'chain_status')).status).toBe(403);
    await expect(socketOf(evil)).rejects.toThrow('HTTP 403');
  });
});

describe('a node that lists every origin', () => {
  beforeAll(() => startNode(['*']));
  afterAll(endNode);

  it('lets them read and nothing else', async () => {
    expect(await ask(evil, 'chain_status')).toEqual({ status: 200, code: 'OK', cors: '*' });
    const socket = await socketOf(evil);
    await socket.follow('finalBlocks');
    const tx = base64(payment(0));
    for (const method of [...namesThat('signed'), ...namesThat('node')]) {
      expect((await ask(evil, method, { tx })).code, method).toBe('FORBIDDEN');
      expect(await codeOf(socket.call(method, { tx })), method).toBe('FORBIDDEN');
    }
  });

  it('ends a connection that sends a batch of bytes', async () => {
    const socket = await socketOf(evil);
    socket.wire.sendBytes(encodeTxBatch({ requestId: 1, txs: [payment(0)] }));
    await until(() => socket.isClosed());
    expect(await pendingNonceOf(addressOf(faucetActor.publicKey))).toBe(0);
  });
});
