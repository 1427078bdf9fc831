import { AppError } from '@aitbc/protocol';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { saying, testProvider, words } from '../testing/fake-buyer.ts';
import { startGateway, type TestGateway } from '../testing/start-gateway.ts';
import { createStdioPipe } from '../testing/stdio-pipe.ts';
import { createMcpServer } from './mcp-server.ts';
import { createRemoteBackend } from './remote-backend.ts';

const text = words.join('');
const toolNames = [
  'chat',
  'embed',
  'job_status',
  'list_models',
  'quote',
  'spend_limits',
  'wallet_balance',
];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.script = saying(words);
  gateway.calls.length = 0;
});

const clientInfo = { name: 'test', version: '1' };
const connectHttp = (mode: 'auto' | 'legacy', token?: string) => async () => {
  const client = new Client(clientInfo, { versionNegotiation: { mode } });
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const url = new URL(`${gateway.url}/mcp`);
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  return client;
};
const connectStdio = (mode: 'auto' | 'legacy') => async () => {
  const client = new Client(clientInfo, { versionNegotiation: { mode } });
  const { stdin, stdout, clientEnd } = createStdioPipe();
  const backend = createRemoteBackend({ url: gateway.url });
  serveStdio(() => createMcpServer(backend, '0'), {
    transport: new StdioServerTransport(stdin, stdout),
  });
  await client.connect(clientEnd);
  return client;
};

describe.each([
  ['over HTTP, 2026-07-28', connectHttp('auto')],
  ['over HTTP, 2025', connectHttp('legacy')],
  ['over stdio, 2026-07-28', connectStdio('auto')],
  ['over stdio, 2025', connectStdio('legacy')],
])('an MCP client %s', (_name, connect) => {
  let client: Client;
  beforeAll(async () => {
    client = await connect();
  });
  afterAll(() => client.close());
  const call = (name: string, args: Record<string, unknown> = {}, more = {}) =>
    client.callTool({ name, arguments: args }, more);

  it('finds the tools, each with an output schema and honest annotations', async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual(toolNames);
    for (const { name, outputSchema, annotations } of tools) {
      const spends = name === 'chat' || name === 'embed';
      expect([name, outputSchema?.type]).toEqual([name, 'object']);
      expect([name, annotations?.readOnlyHint]).toEqual([name, !spends]);
      if (spends) {
        expect(annotations).toMatchObject({ destructiveHint: true, idempotentHint: false });
      }
    }
  });

  it('lists models, quotes, and sees balance and limits', async () => {
    expect((await call('list_models')).structuredContent).toMatchObject({
      models: [{ id: 'tiny', providers: 2, inputPerMTok: '1000000' }, { id: 'org/big' }],
    });
    const messages = [{ role: 'user', content: 'hi' }];
    // 7 for the request, 2 bytes + 16 + 32 of the prompt, 2 for each of 10 tokens
    expect(
      (await call('quote', { model: 'tiny', messages, max_tokens: 10 })).structuredContent,
    ).toMatchObject({ quotes: [{ provider: testProvider, most: '77' }] });
    expect((await call('wallet_balance')).structuredContent).toMatchObject({
      account: '1000',
      vault: '500',
      channels: '0',
    });
    expect((await call('spend_limits')).structuredContent).toMatchObject({
      jobMax: '100000000',
      spentToday: '42',
      leftToday: '9999999958',
      key: null,
    });
  });

  it('buys an answer, with its text as progress', async () => {
    gateway.script = async function* (asked) {
      for (const word of words) {
        yield { type: 'text', text: word };
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      yield* saying([], { outputTokens: 3 })(asked);
    };
    const seen: string[] = [];
    const onprogress = ({ message }: { message?: string | undefined }) => seen.push(message ?? '');
    const result = await call('chat', { model: 'tiny', prompt: 'hi' }, { onprogress });
    expect(result.structuredContent).toMatchObject({
      text,
      finishReason: 'stop',
      outputTokens: 3,
      charged: '42',
      providers: [testProvider],
      jobId: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(result.content).toEqual([{ type: 'text', text }]);
    expect(seen.length).toBeGreaterThan(1);
    expect(text.startsWith(seen.join(''))).toBe(true);
  });

  it('buys vectors', async () => {
    const result = await call('embed', { model: 'tiny', input: ['a', 'b'] });
    expect(result.structuredContent).toMatchObject({
      vectors: [
        [0, 0.5, -1.25],
        [1, 0.5, -1.25],
      ],
      charged: '9',
      provider: testProvider,
    });
  });

  it('reads refusals as results, so that its model learns why', async () => {
    gateway.script = async function* () {
      yield* [];
      throw new AppError('NO_OFFER', { model: 'tiny', reason: 'nobody' });
    };
    const result = await call('chat', { model: 'tiny', prompt: 'hi' });
    expect(result.isError).toBe(true);
    expect(JSON.stringify(result.content)).toContain('NO_OFFER');
    const unknown = await call('job_status', { job_id: '00'.repeat(32) });
    expect(JSON.stringify(unknown.content)).toContain('JOB_UNKNOWN');
  });

  it('ends the purchase when it cancels', async () => {
    let aborted = false;
    gateway.script = async function* ({ signal }) {
      yield { type: 'text', text: 'one ' };
      await new Promise<void>((resolve) => {
        signal?.addEventListener('abort', () => {
          aborted = true;
          resolve();
        });
      });
      throw new AppError('CANCELLED');
    };
    const leaving = new AbortController();
    const cancelled = call('chat', { model: 'tiny', prompt: 'hi' }, { signal: leaving.signal });
    await expect.poll(() => gateway.calls.length).toBe(1);
    leaving.abort();
    await expect(cancelled).rejects.toBeDefined();
    await expect.poll(() => aborted).toBe(true);
  });
});

describe('sessions of 2025', () => {
  const initialize = {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo },
  };
  const post = (body: object, headers: Record<string, string> = {}) =>
    fetch(`${gateway.url}/mcp`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify(body),
    });

  it('give way when there are too many; their clients are told to open a new one', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 65; count += 1) {
      const answer = await post(initialize);
      ids.push(answer.headers.get('mcp-session-id') ?? '');
      await answer.text();
    }
    expect(new Set(ids).size).toBe(65);
    const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
    const statusOf = async (id = '') => (await post(list, { 'mcp-session-id': id })).status;
    expect(await statusOf(ids[0])).toBe(404);
    expect(await statusOf(ids.at(-1))).toBe(200);
    expect(await statusOf('made up')).toBe(404);
  });

  it('are not opened by a client of a version that has none', async () => {
    const version = '2026-07-28';
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': version,
      'io.modelcontextprotocol/clientInfo': clientInfo,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const answer = await post(
      { ...initialize, params: { _meta } },
      { 'mcp-protocol-version': version, 'mcp-method': 'initialize' },
    );
    expect([answer.status, answer.headers.get('mcp-session-id')]).toEqual([404, null]);
    expect(await answer.json()).toMatchObject({ id: 0, error: { code: -32601 } });
    const older = await post(initialize, { 'mcp-protocol-version': '2025-11-25' });
    expect([older.status, typeof older.headers.get('mcp-session-id')]).toEqual([200, 'string']);
    await older.text();
  });

  it('belong to who opened them', async () => {
    const opened = await post(initialize);
    const id = opened.headers.get('mcp-session-id') ?? '';
    await opened.text();
    const foreign = { authorization: `Bearer ${gateway.ownerToken}`, 'mcp-session-id': id };
    expect((await post({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, foreign)).status).toBe(404);
  });
});

describe('the endpoint', () => {
  it('answers no page of another site and no foreign name', async () => {
    const post = (headers: Record<string, string>) =>
      fetch(`${gateway.url}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{}',
      });
    expect((await post({ origin: 'http://evil.example' })).status).toBe(403);
    const { request } = await import('node:http');
    const status = await new Promise((resolve) => {
      const headers = { host: 'evil.example', 'content-type': 'application/json' };
      request(`${gateway.url}/mcp`, { method: 'POST', headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      }).end('{}');
    });
    expect(status).toBe(403);
  });
});
