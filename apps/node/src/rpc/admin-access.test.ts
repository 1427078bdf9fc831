import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChainNode, createNode } from '../app.ts';
import { makeFolder, type TestFolder } from '../testing/test-node.ts';
import { adminTokenFile, assertAdmin, openAdminToken } from './admin-access.ts';

const token = 'ab'.repeat(32);
const codeOf = (run: () => void): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};
const codeFor = (remoteAddress: string | undefined, headers: Record<string, string>) =>
  codeOf(() => assertAdmin({ headers, socket: { remoteAddress } }, token));

describe('admin methods', () => {
  const authorization = `Bearer ${token}`;

  it.each(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])('are open to %s', (from) => {
    expect(codeFor(from, { authorization })).toBeUndefined();
  });

  it.each([
    ['another machine', '10.0.0.7', {}],
    ['another machine that looks like loopback', '127.0.0.1.example', {}],
    ['nobody knows where', undefined, {}],
    ['a web page', '127.0.0.1', { origin: 'http://evil.example' }],
    ['a proxy', '127.0.0.1', { 'x-forwarded-for': '10.0.0.7' }],
    ['another proxy', '::1', { forwarded: 'for=10.0.0.7' }],
  ])('refuse %s, whatever it knows', (_, from, headers) => {
    expect(codeFor(from, { ...headers, authorization })).toBe('FORBIDDEN');
  });

  it.each([
    ['no token', {}],
    ['another token', { authorization: `Bearer ${'cd'.repeat(32)}` }],
    ['another scheme', { authorization: `Basic ${token}` }],
  ])('refuse %s', (_, headers) => {
    expect(codeFor('127.0.0.1', headers as Record<string, string>)).toBe('UNAUTHORIZED');
  });

  it('answer nobody where there is no token', () => {
    const request = { headers: { authorization: 'Bearer ' }, socket: { remoteAddress: '::1' } };
    expect(codeOf(() => assertAdmin(request, undefined))).toBe('UNAUTHORIZED');
  });

  it('have a token that is made once and that only its owner may read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'aitbc-admin-'));
    const made = openAdminToken(folder);
    expect(made).toMatch(/^[0-9a-f]{64}$/);
    expect(openAdminToken(folder)).toBe(made);
    expect(statSync(join(folder, adminTokenFile)).mode & 0o077).toBe(0);
    rmSync(folder, { recursive: true });
  });
});

describe('a running node', () => {
  let at: TestFolder;
  let node: ChainNode;
  let stops = 0;
  const stop = () => {
    stops += 1;
  };
  const ask = async (method: string, headers: Record<string, string> = {}) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: {} });
    const response = await fetch(node.url as string, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    return (await response.json()) as { result?: unknown; error?: { data: { code: string } } };
  };

  beforeEach(async () => {
    at = makeFolder();
    const { folder, dataDir } = at;
    const options = { dataDir, host: '127.0.0.1', port: 0, minBlockIntervalMs: 2 };
    node = createNode(
      {
        ...options,
        genesisFile: join(folder, 'genesis.json'),
        keyFile: join(folder, 'validator.key'),
      },
      { log: createLog({ name: 'node', level: 'silent' }), stop },
    );
    await node.start();
  });
  afterEach(async () => {
    await node.stop();
    at.remove();
  });

  it('stops for its operator, and for nobody else', async () => {
    expect((await ask('admin_stop')).error?.data.code).toBe('UNAUTHORIZED');
    expect(stops).toBe(0);
    const text = readFileSync(join(at.dataDir, adminTokenFile), 'utf8').trim();
    const authorization = `Bearer ${text}`;
    const page = { authorization, origin: 'http://127.0.0.1' };
    expect((await ask('admin_stop', page)).error?.data.code).toBe('FORBIDDEN');
    expect((await ask('admin_stop', { authorization })).result).toEqual({});
    expect(stops).toBe(1);
    expect((await ask('admin_snapshot')).error?.data.code).toBe('UNAUTHORIZED');
  });
});
