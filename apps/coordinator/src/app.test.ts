import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  coordinatorEndpoints,
  devnetParams,
  isErrorCode,
  providerSocketPath,
} from '@aitbc/protocol';
import { loadConfig, until } from '@aitbc/service';
import { afterEach, describe, expect, test } from 'vitest';
import { createChainReader } from './chain/chain-reader.ts';
import { configTable, databaseUrlOf } from './config.ts';
import { type Bench, createTestChain, identityOf, network, startBench } from './testing/harness.ts';
import { sellingProvider, submissionFor } from './testing/provider.ts';

const open: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const part of open.splice(0)) await part.stop();
});

async function bench(options: Parameters<typeof startBench>[0] = {}): Promise<Bench> {
  const started = await startBench(options);
  open.push(started);
  return started;
}

describe('pages', () => {
  test('the OpenAPI document has every endpoint and the docs page shows it', async () => {
    const { url } = await bench();
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, unknown>;
    };
    expect(document.openapi).toBe('3.1.0');
    for (const { path } of Object.values(coordinatorEndpoints)) {
      expect(Object.keys(document.paths)).toContain(path.replace(/:(\w+)/g, '{$1}'));
    }
    const docs = await fetch(`${url}/docs`);
    expect(docs.status).toBe(200);
    expect(await docs.text()).toContain('swagger');
  });

  test('an unknown path and a malformed body are problems with a code', async () => {
    const { url } = await bench();
    const missing = await fetch(`${url}/v1/nothing`);
    expect(missing.headers.get('content-type')).toContain('application/problem+json');
    expect(await missing.json()).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    const headers = { 'content-type': 'application/json' };
    const bad = await fetch(`${url}/v1/route`, { method: 'POST', headers, body: '{"models":[]}' });
    expect(await bad.json()).toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('POST requests of one address are counted and limited, GET requests are not', async () => {
    const { url, coordinator } = await bench({ config: { postsPerMinute: 2 } });
    const post = () =>
      fetch(`${url}/v1/route`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"models":["tiny"]}',
      });
    const first = await post();
    expect(first.headers.get('ratelimit-limit')).toBe('2');
    expect(first.headers.get('ratelimit-remaining')).toBe('1');
    await post();
    const refused = await post();
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: 'RATE_LIMITED' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await fetch(`${url}/v1/models`)).status).toBe(200);
    coordinator.reload({ postsPerMinute: 9 });
    const more = await post();
    expect([more.status, more.headers.get('ratelimit-limit')]).toEqual([first.status, '9']);
  });
});

describe('pages of other sites', () => {
  const evil = 'http://evil.example';
  const knock = (url: string, origin: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { connection: 'Upgrade', upgrade: 'websocket', origin };
      const socketHeaders = { 'sec-websocket-version': '13', 'sec-websocket-key': 'A'.repeat(22) };
      const asking = request(url, { headers: { ...headers, ...socketHeaders } });
      asking.once('response', ({ statusCode }) => resolve(statusCode));
      asking.once('upgrade', (answer, socket) => {
        socket.destroy();
        resolve(answer.statusCode);
      });
      asking.once('error', reject).end();
    });
  /** Status of a call that nobody may make in this form: 400 when it was let in. */
  const route = async (url: string, origin: string, host?: string) => {
    const answer = request(`${url}/v1/route`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin, ...(host ? { host } : {}) },
    }).end('{"models":[]}');
    const [{ statusCode }] = (await once(answer, 'response')) as [{ statusCode: number }];
    return statusCode;
  };

  test('neither post nor open a socket; its own page does both', async () => {
    const { url } = await bench();
    expect(await route(url, evil)).toBe(403);
    expect(await knock(url + providerSocketPath, evil)).toBe(403);
    expect(await route(url, url)).toBe(400);
    expect((await fetch(`${url}/v1/models`, { headers: { origin: evil } })).status).toBe(200);
  });

  test('its own page may come under a name from the settings', async () => {
    const name = 'coordinator.example';
    const { url } = await bench({ config: { allowedHosts: [name] } });
    expect(await route(url, `https://${name}`, name)).toBe(400);
    expect(await route(url, 'https://other.example', 'other.example')).toBe(403);
  });
});

describe('the chain', () => {
  test('a coordinator that starts without its node waits for it and says so', async () => {
    const chain = createTestChain();
    chain.isUp = false;
    chain.register(identityOf('seller'));
    const started = await bench({ chain });
    const { url, client } = started;
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect((await fetch(`${url}/health/ready`)).status).toBe(503);
    await expect(client.about({})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    chain.isUp = true;
    await until(async () => (await fetch(`${url}/health/ready`)).status === 200);
    expect(await client.about({})).toMatchObject({ genesisHash: network.genesisHash });
    const { offer } = await sellingProvider(started);
    expect(await client.submitJob(submissionFor(offer).submission)).toMatchObject({
      state: 'queued',
    });
  });

  test('a database of another chain is refused at the start', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'aitbc-coordinator-'));
    const first = await startBench({ dataDir });
    await first.coordinator.stop();
    const chain = createTestChain();
    chain.genesisHash = 'cd'.repeat(32);
    await expect(startBench({ dataDir, chain })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('belongs to the chain abababababababab'),
    });
  });

  test('a node that turns out to be on another chain ends the process', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'aitbc-coordinator-'));
    const first = await startBench({ dataDir });
    await first.coordinator.stop();
    const chain = createTestChain();
    chain.isUp = false;
    const second = await bench({ dataDir, chain });
    chain.genesisHash = 'cd'.repeat(32);
    chain.isUp = true;
    await until(() => second.fatal.length > 0);
    expect(second.fatal).toMatchObject([{ code: 'CONFIG_INVALID' }]);
  });

  test('the reader asks a node over JSON-RPC and knows an unknown provider from an error', async () => {
    const seller = identityOf('seller');
    const { url } = await serveRpc({
      chain_status: () => chainStatus,
      state_getProvider: ({ address }) => {
        if (address !== seller.address) return { code: 'PROVIDER_UNKNOWN' };
        const { publicKey: authorizer } = seller;
        return { address, authorizer, endpoint: 'http://x', bond: '7', unbondDueMs: 0 };
      },
    });
    const reader = createChainReader(url);
    open.push({ stop: () => reader.close() });
    expect(await reader.facts()).toEqual({ network, providerBondMinNait: 5n });
    expect(await reader.provider(seller.address)).toEqual({
      authorizer: seller.publicKey,
      bondNait: 7n,
      unbondDueMs: 0,
    });
    expect(await reader.provider(identityOf('nobody').address)).toBeUndefined();
    const away = createChainReader('http://127.0.0.1:1');
    open.push({ stop: () => away.close() });
    await expect(away.provider(seller.address)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('many logins of one account ask the node once', async () => {
    const { chain, client, url } = await bench();
    chain.register(identityOf('seller'));
    for (let login = 0; login < 5; login += 1) await sellingProvider({ client, url });
    expect(chain.lookups).toBe(1);
  });
});

describe('settings', () => {
  const read = (...argv: string[]) => loadConfig(configTable, { argv, env: {} });

  test('the standard port, the data folder and the node have defaults', () => {
    expect(read()).toMatchObject({
      port: 8_000,
      host: '127.0.0.1',
      nodeUrl: 'http://127.0.0.1:8006',
    });
    expect(() => read('--prot', '1')).toThrowError(/Did you mean "--port"/);
  });

  test('the database is a file in the data folder, a named file, a server, or an error', () => {
    const urlOf = (databaseUrl: string, databasePassword = '') =>
      databaseUrlOf({ databaseUrl, databasePassword, dataDir: '/d' });
    expect(urlOf('')).toBe('/d/coordinator.sqlite');
    expect(urlOf('sqlite:/x/y.db')).toBe('/x/y.db');
    expect(urlOf('postgres://me@host/jobs', 'a:b')).toBe('postgres://me:a%3Ab@host/jobs');
    for (const wrong of ['mysql://x', 'postgres://', 'postgres://me:secret@host/jobs']) {
      expect(() => urlOf(wrong)).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    }
  });
});

const chainStatus = {
  network: 'ait-test',
  caip2: network.caip2,
  chain: network.chain,
  genesisHash: network.genesisHash,
  height: 1,
  blockHash: '00'.repeat(32),
  stateRoot: '00'.repeat(32),
  timeMs: 1,
  waitingTxs: 0,
  validators: [],
  params: { ...devnetParams, providerBondMin: '5' },
  ...{ epoch: 0, view: 2, role: 'validator', syncing: false, headAgeMs: 5 },
};

type RpcAnswers = Record<string, (params: { address?: string }) => object>;

/** A node's JSON-RPC with fixed answers; `{code}` becomes an error. */
async function serveRpc(answers: RpcAnswers): Promise<{ url: string }> {
  const server: Server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += String(chunk);
    });
    request.on('end', () => {
      const { id, method, params } = JSON.parse(text);
      const answer = (answers[method]?.(params) ?? {}) as { code?: string };
      const isError = isErrorCode(answer.code);
      const error = { code: -33_404, message: 'no', data: { ...answer, facts: {}, message: 'no' } };
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ jsonrpc: '2.0', id, ...(isError ? { error } : { result: answer }) }),
      );
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  open.push({ stop });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
