import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeRpc } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, identityOf, startBench } from '../testing/harness.ts';
import { readMethods } from './pass-to-chain.ts';

const folder = mkdtempSync(join(tmpdir(), 'aitbc-web-'));
const { address } = identityOf('seller');
const servers: Server[] = [];
const asked: string[] = [];
let bench: Bench;

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Reads a body and answers it. */
function answering(answer: (body: string) => { status: number; text: string }): RequestListener {
  return (request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += String(part);
    });
    request.on('end', () => {
      const { status, text } = answer(body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  };
}

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>console</title>');
  writeFileSync(join(folder, 'assets', 'main-abc.js'), 'export {};');
  const nodeUrl = await serve(
    answering((body) => {
      if (body !== '') asked.push((JSON.parse(body) as { method: string }).method);
      return { status: 200, text: '{"jsonrpc":"2.0","id":7,"result":{"height":5}}' };
    }),
  );
  const control = await serve(
    answering((body) =>
      body.includes(address)
        ? { status: 200, text: '{"killed":"provider-2","restartMs":6000}' }
        : { status: 404, text: '' },
    ),
  );
  bench = await startBench({
    config: {
      ...{ nodeUrl, console: folder, consoleGateway: 'http://127.0.0.1:11435' },
      consoleDevnetControl: `${control}/token/kill-provider`,
    },
  });
});
afterAll(async () => {
  await bench.stop();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(bench.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

describe('pages', () => {
  it('stand at the root and under every deep link, with a strict policy', async () => {
    for (const path of ['/', '/market?model=x', '/explorer/block/12', '/jobs/x.y']) {
      const answer = await fetch(bench.url + path);
      expect([answer.status, await answer.text()]).toEqual([
        200,
        expect.stringContaining('console'),
      ]);
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("connect-src 'self' http://127.0.0.1:11435;");
      expect(policy).not.toContain('unsafe-inline');
      expect(answer.headers.get('cache-control')).toBe('no-cache');
    }
  });

  it('keep hashed files for a year, and miss no unknown one', async () => {
    const asset = await fetch(`${bench.url}/assets/main-abc.js`);
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(asset.headers.get('content-type')).toContain('javascript');
    expect((await fetch(`${bench.url}/assets/none.js`)).status).toBe(404);
  });

  it('leave every path of the API to the API', async () => {
    for (const path of ['/v1/none', '/health/none', '/docs/none', '/metrics/none']) {
      const answer = await fetch(bench.url + path);
      expect([path, answer.status]).toEqual([path, 404]);
    }
    expect((await fetch(`${bench.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${bench.url}/v1/about`)).headers.get('content-type')).toContain('json');
  });
});

describe('the chain', () => {
  it('is read through the coordinator, method by method of the table', async () => {
    const call = { jsonrpc: '2.0', id: 7, method: 'chain_getHeader', params: {} };
    expect(await (await post('/v1/chain', call)).json()).toMatchObject({ result: { height: 5 } });
    expect(asked).toEqual(['chain_getHeader']);
  });

  it('takes nothing that changes or needs a token', async () => {
    const closed = Object.keys(nodeRpc).filter((name) => !readMethods.has(name));
    expect(closed).toEqual(
      expect.arrayContaining(['tx_send', 'tx_sendBatch', 'dev_faucet', 'admin_stop']),
    );
    for (const method of [...closed, 'subscribe', 'no_such', '__proto__']) {
      const answer = await post('/v1/chain', { jsonrpc: '2.0', id: 1, method, params: {} });
      expect([method, answer.status]).toEqual([method, 403]);
    }
    const big = { jsonrpc: '2.0', id: 1, method: 'tx_get', params: { txId: 'a'.repeat(70_000) } };
    expect((await post('/v1/chain', big)).status).toBe(413);
    expect(asked).toEqual(['chain_getHeader']);
  });
});

describe('the switch of a devnet', () => {
  it('is passed on, and pages of others cannot press it', async () => {
    expect(await (await fetch(`${bench.url}/v1/console`)).json()).toEqual({
      ...{ gateway: 'http://127.0.0.1:11435', devnet: true },
    });
    const answer = await post('/v1/devnet/kill', { provider: address });
    expect(await answer.json()).toEqual({ killed: 'provider-2', restartMs: 6000 });
    const foreign = await post('/v1/devnet/kill', { provider: address }, { origin: 'http://evil' });
    expect(foreign.status).toBe(403);
  });

  it('is not there without a devnet', async () => {
    const plain = await startBench();
    try {
      const answer = await fetch(`${plain.url}/v1/devnet/kill`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ provider: address }),
      });
      expect(answer.status).toBe(404);
      expect((await fetch(`${plain.url}/`)).status).toBe(404);
    } finally {
      await plain.stop();
    }
  });
});

it('tells events of the market as they are stored', async () => {
  const leaving = new AbortController();
  const answer = await fetch(`${bench.url}/v1/live`, { signal: leaving.signal });
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  let text = '';
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const part of answer.body ?? []) text += decoder.decode(part as Uint8Array);
  })().catch(() => {});
  await until(() => text.includes('event: blocks'));
  expect(text).toContain('id: 0-0');
  leaving.abort();
  await reading;
});
