/** The SDK in a real browser: its code needs nothing from Node, and paying, checking and the AI SDK work there. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { encodeJobProof, networkFromHash } from '@aitbc/protocol';
import { makeJob } from '@aitbc/sdk/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PageCalls } from './browser-buyer/main.ts';
import { findChromium, startChromium } from './light-browser/chromium.ts';
import { bundlePage, type PageFiles } from './light-browser/page-files.ts';

const chromium = findChromium();
const canRun = chromium !== undefined || process.env.CI === 'true';
const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src *";

describe('the SDK in a real browser', () => {
  let built: PageFiles;
  let browser: Browser;
  let page: Page;
  let server: Server;
  const faults: string[] = [];

  beforeAll(async () => {
    if (!canRun) return;
    if (!chromium) throw new Error('Chromium is not installed, and CI skips nothing');
    built = await bundlePage(join(import.meta.dirname, 'browser-buyer'));
    browser = await startChromium(chromium);
    server = createServer(({ url = '/' }, response) => {
      const file = built.files.get(url);
      response.writeHead(file ? 200 : 404, {
        'content-type': file?.type ?? 'text/plain',
        'content-security-policy': policy,
      });
      response.end(file?.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    page = await browser.newPage();
    page.on('pageerror', (error) => faults.push(String(error)));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => window.calls !== undefined);
  });
  beforeEach((context) => context.skip(!canRun, 'Chromium is not installed'));
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  const call = <K extends keyof PageCalls>(name: K, ...args: Parameters<PageCalls[K]>) =>
    page.evaluate(
      ([method, given]) => {
        const calls = window.calls as unknown as Record<string, (...all: unknown[]) => unknown>;
        return calls[method]?.(...given);
      },
      [name, args] as const,
    );

  it('is one bundle without any part of Node', () => {
    const { imports, modules, gzipBytes } = built;
    console.log(`buyer page: ${gzipBytes} bytes with gzip`);
    expect(imports).toEqual([]);
    expect(modules.filter((path) => /\/node\//.test(path) && !path.includes('endpoints'))).toEqual(
      [],
    );
    expect(modules).toContain('packages/sdk/dist/dialects/paying-fetch.js');
    expect(modules).toContain('packages/sdk/dist/browser/platform.js');
    expect(modules).toContain('packages/sdk/dist/ai-sdk/create-aitbc.js');
  });

  it('pays through fetch', async () => {
    const stream = await call('fetchChat');
    expect(stream).toMatch(/"content":"one ".*"content":"three".*data: \[DONE\]/s);
  });

  it('pays through the AI SDK', async () => {
    expect(await call('streamChat')).toEqual(['one two three', '42']);
  });

  it('starts a buyer, which says that its node is away', async () => {
    expect(await call('startBuyer', 'http://127.0.0.1:9')).toBe('UNAVAILABLE');
  });

  it('checks the proof of a job, and refuses it with another byte', async () => {
    const network = networkFromHash('test', 'ab'.repeat(32));
    const bytes = [...encodeJobProof(makeJob(network).proof)];
    expect(await call('checkProof', bytes, network.genesisHash)).toBe(true);
    const changed = bytes.with(700, (bytes[700] as number) ^ 1);
    expect(await call('checkProof', changed, network.genesisHash)).toBe(false);
  });

  it('throws nothing beside', () => {
    expect(faults).toEqual([]);
  });
});
