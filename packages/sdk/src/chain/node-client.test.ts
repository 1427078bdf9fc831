import { AppError, devnetParams, errorBodyOf, refuse } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import {
  answerJson,
  startTestServer,
  type TestServer,
  until,
} from '../node/testing/http-server.ts';
import { createNodeClient, type NodeClient } from './node-client.ts';

const hash = 'ab'.repeat(32);
const status = {
  network: 'ait-test',
  caip2: `aitbc:${hash.slice(0, 32)}`,
  chain: 0xabababab,
  genesisHash: hash,
  height: 1,
  blockHash: hash,
  stateRoot: hash,
  timeMs: 1,
  waitingTxs: 0,
  validators: [],
  params: devnetParams,
  ...{ epoch: 0, view: 2, role: 'validator', syncing: false, headAgeMs: 5 },
};

/** A node that answers `subscribe` and can push, drop and refuse cursors. */
function createFakeNode() {
  const sockets: WebSocket[] = [];
  const subscribed: { topic: string; cursor?: string }[] = [];
  const node = {
    sockets,
    subscribed,
    refuseCursors: false,
    refuseAll: false,
    onSocket(socket: WebSocket) {
      sockets.push(socket);
      socket.on('message', (data) => {
        const { id, method, params } = JSON.parse(String(data));
        const reply = (body: object) =>
          socket.send(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
        if (method !== 'subscribe') return reply({ result: {} });
        subscribed.push(params);
        if (node.refuseAll || (node.refuseCursors && params.cursor !== undefined)) {
          const { code, facts } = refuse('BAD_REQUEST', { reason: 'too old' });
          const error = errorBodyOf(new AppError(code, facts));
          return reply({ error: { code: -32602, message: '', data: error } });
        }
        reply({
          result: { subscription: `s${subscribed.length}`, cursor: params.cursor ?? '5.0' },
        });
      });
    },
    push(subscription: string, cursor: string) {
      const params = { subscription, topic: 'finalBlocks', cursor, data: { cursor } };
      sockets.at(-1)?.send(JSON.stringify({ jsonrpc: '2.0', method: 'notify', params }));
    },
  };
  return node;
}

describe('node client', () => {
  const servers: TestServer[] = [];
  const clients: NodeClient[] = [];
  const track = <T extends NodeClient>(client: T): T => {
    clients.push(client);
    return client;
  };
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  it('calls a method and rebuilds the error of a refusal', async () => {
    const server = await startTestServer({
      onRequest(_request, body, response) {
        const { id, method } = JSON.parse(body);
        if (method === 'mempool_status') {
          return answerJson(response, 200, {
            jsonrpc: '2.0',
            id,
            result: { count: 2, sizeBytes: 9 },
          });
        }
        const data = errorBodyOf(new AppError('CHANNEL_UNKNOWN', { channelId: hash }));
        answerJson(response, 200, {
          jsonrpc: '2.0',
          id,
          error: { code: -33404, message: 'm', data },
        });
      },
    });
    servers.push(server);
    const node = track(createNodeClient({ url: server.url }));
    expect(await node.rpc.mempool_status({})).toEqual({ count: 2, sizeBytes: 9 });
    await expect(node.rpc.state_getChannel({ channelId: hash })).rejects.toMatchObject({
      code: 'CHANNEL_UNKNOWN',
      facts: { channelId: hash },
    });
  });

  it('asks for the network once, and again after a failure', async () => {
    let calls = 0;
    const server = await startTestServer({
      onRequest(_request, body, response) {
        calls += 1;
        if (calls === 1) return void response.writeHead(503).end();
        answerJson(response, 200, { jsonrpc: '2.0', id: JSON.parse(body).id, result: status });
      },
    });
    servers.push(server);
    const node = track(createNodeClient({ url: server.url }));
    await expect(node.network()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const [one, two] = await Promise.all([node.network(), node.network()]);
    expect(one).toBe(two);
    expect(one.network).toMatchObject({ name: 'ait-test', genesisHash: hash, chain: 0xabababab });
    expect(calls).toBe(2);
  });

  it('resumes a subscription from its last cursor when the connection is lost', async () => {
    const fake = createFakeNode();
    const server = await startTestServer(fake);
    servers.push(server);
    const node = track(createNodeClient({ url: server.url }));
    const seen: string[] = [];
    const subscription = node.subscribe('finalBlocks', ({ cursor }) => seen.push(cursor));
    await until(() => subscription.cursor() === '5.0');
    fake.push('s1', '6.0');
    await until(() => seen.length === 1);
    fake.sockets[0]?.terminate();
    await until(() => fake.subscribed.length === 2);
    expect(fake.subscribed[1]).toEqual({ topic: 'finalBlocks', cursor: '6.0' });
    fake.push('s2', '7.0');
    await until(() => seen.length === 2);
    expect(seen).toEqual(['6.0', '7.0']);
  });

  it('connects later when the node is away at first', async () => {
    const first = await startTestServer({});
    await first.close();
    const node = track(createNodeClient({ url: first.url }));
    let live = 0;
    node.subscribe('finalBlocks', () => {}, { onLive: () => (live += 1) });
    servers.push(await startTestServer(createFakeNode(), Number(new URL(first.url).port)));
    await until(() => live === 1);
  });

  it('tells of a gap when the node no longer has the cursor, and starts at the present', async () => {
    const fake = createFakeNode();
    fake.refuseCursors = true;
    const server = await startTestServer(fake);
    servers.push(server);
    const node = track(createNodeClient({ url: server.url }));
    let gaps = 0;
    let live = 0;
    const options = { cursor: '1.0', onGap: () => (gaps += 1), onLive: () => (live += 1) };
    const subscription = node.subscribe('finalBlocks', () => {}, options);
    await until(() => live === 1);
    expect(gaps).toBe(1);
    expect(subscription.cursor()).toBe('5.0');
  });

  it('ends a subscription that the node refuses, and closes the socket after the last', async () => {
    const fake = createFakeNode();
    fake.refuseAll = true;
    const server = await startTestServer(fake);
    servers.push(server);
    const node = track(createNodeClient({ url: server.url }));
    const codes: string[] = [];
    node.subscribe('nonsense', () => {}, { onRefused: ({ code }) => codes.push(code) });
    await until(() => codes.length === 1 && fake.sockets[0]?.readyState === 3);
    expect(codes).toEqual(['BAD_REQUEST']);
  });

  it('ends a subscription when its signal aborts', async () => {
    const fake = createFakeNode();
    const server = await startTestServer(fake);
    servers.push(server);
    const node = track(createNodeClient({ url: server.url }));
    const controller = new AbortController();
    const seen: string[] = [];
    node.subscribe('finalBlocks', () => {});
    node.subscribe('account:x', ({ cursor }) => seen.push(cursor), { signal: controller.signal });
    await until(() => fake.subscribed.length === 2);
    fake.push('s2', '6.0');
    await until(() => seen.length === 1);
    controller.abort();
    fake.push('s2', '7.0');
    fake.push('s1', '8.0');
    await until(() => fake.sockets.length === 1);
    expect(seen).toEqual(['6.0']);
  });
});
