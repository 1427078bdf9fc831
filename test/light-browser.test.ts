/**
 * A light client in a real browser against real validators: it proves a balance, an absence and transactions up to the
 * genesis document, over epochs whose validators change, and refuses each forgery of the list with its code.
 *
 * AITBC_SCREENSHOTS names a folder for pictures of the page.
 */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findChromium, startChromium } from './light-browser/chromium.ts';
import { type Desk, socketUrlOf, startDesk } from './light-browser/desk.ts';
import { createForger } from './light-browser/forger.ts';
import { type Forgery, forgeries, loneVote } from './light-browser/forgeries.ts';
import type { Finding, Question } from './light-browser/page/ask.ts';
import { callFrom } from './light-browser/page-calls.ts';
import { bundlePage, type PageFiles } from './light-browser/page-files.ts';
import { createScene, leaver, type Scene } from './light-browser/scene.ts';
import { call } from './net/rpc.ts';
import { printTable, type Row } from './net/table.ts';

const chromium = findChromium();
const isCi = process.env.CI === 'true';
const canRun = chromium !== undefined || isCi;
const whyNot =
  'Chromium is not installed (apt-get install chromium; AITBC_CHROMIUM names another path)';
const gzipBytesMax = 260_000;
const pictures = process.env.AITBC_SCREENSHOTS;

describe('a light client in a real browser', () => {
  const all = Object.entries(forgeries).flatMap(([part, list]) =>
    list.map((forgery) => ({ part, forgery })),
  );
  const rows: Row[] = [];
  let scene: Scene;
  let built: PageFiles;
  let desk: Desk;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    if (!canRun) return;
    if (!chromium) throw new Error(`${whyNot}, and CI skips nothing`);
    [scene, built, browser] = await Promise.all([
      createScene(),
      bundlePage(),
      startChromium(chromium),
    ]);
    const { net } = scene;
    desk = await startDesk({
      ...{ nodeUrl: net.url(0), genesis: net.genesis, files: built.files },
      directUrls: () => [net.url(0), net.url(leaver)],
      forger: createForger(scene),
      forgeries: new Map([loneVote, ...all.map(({ forgery }) => forgery)].map((f) => [f.name, f])),
    });
    await net.stop(leaver);
    await net.start(leaver, { AITBC_NODE_ALLOWED_ORIGINS: desk.url });
    page = await openPage('/');
  });
  beforeEach((context) => context.skip(!canRun, whyNot));
  afterAll(async () => {
    await browser?.close();
    await desk?.stop();
    await scene?.net.end();
    printTable('forgeries, each refused in the browser', rows);
  });

  async function openPage(path: string): Promise<Page> {
    const opened = await browser.newPage({ viewport: { width: 940, height: 900 } });
    opened.on('pageerror', (error) => faults.push(String(error)));
    opened.on('console', (line) => {
      if (line.type() === 'error') faults.push(line.text());
    });
    await opened.goto(desk.url + path);
    await opened.waitForFunction(() => window.lightAsk !== undefined);
    return opened;
  }

  function ask(question: Question): Promise<Finding> {
    return page.evaluate((asked) => {
      if (!window.lightAsk) throw new Error('the page is not ready');
      return window.lightAsk(asked);
    }, question);
  }

  const honest = '/rpc';
  const forged = ({ name }: Forgery) => `/forged/${encodeURIComponent(name)}`;
  const subjectOf = ({ about }: Forgery): string =>
    about === 'tx' ? scene.twins[0] : scene[about];

  it('is a page of moderate size that needs nothing from Node', () => {
    const { bundleBytes, gzipBytes, imports, modules } = built;
    console.log(`light client page: ${bundleBytes} bytes of code, ${gzipBytes} with gzip`);
    expect(imports).toEqual([]);
    expect(
      modules.filter((path) => path.includes('/node/') && !path.includes('endpoints')),
    ).toEqual([]);
    expect(modules).toContain('packages/primitives/dist/browser/sodium.js');
    expect(gzipBytes).toBeLessThan(gzipBytesMax);
  });

  it('proves a balance up to the genesis document', async () => {
    const { net, known, bigKey } = scene;
    const found = await ask({ nodes: [honest], subject: known });
    expect(found).toMatchObject({ code: 'OK', exists: true });
    expect(BigInt(found.balance)).toBeGreaterThan(0n);
    const account = await call(net.url(0), 'state_getAccount', { address: known });
    expect(found.balance).toBe(account.balance);
    expect(found.epoch).toBeGreaterThanOrEqual(4);
    expect(scene.firstSet.map(({ publicKey }) => publicKey)).not.toContain(bigKey);
  });

  it('proves that an unknown account is not there', async () => {
    const found = await ask({ nodes: [honest], subject: scene.unknown });
    expect(found).toMatchObject({ code: 'OK', exists: false, balance: '0' });
  });

  it('proves transactions of the first set and of the present one, with a second node', async () => {
    const { earlyTx, lateTx, twins } = scene;
    const heights = [];
    for (const subject of [earlyTx, ...twins, lateTx]) {
      const found = await ask({ nodes: [honest, honest], subject });
      expect(found.code).toBe('OK');
      heights.push(found.height);
    }
    expect(heights[1]).toBe(heights[2]);
    expect(heights).toEqual([...heights].sort((a, b) => a - b));
  });

  it('follows the sets over the last blocks of epochs where no old member signed', async () => {
    const found = await ask({ nodes: [forged(loneVote)], subject: scene.known });
    expect(found.code).toBe('OK');
    const { epochBlocks } = scene.net.genesis.params;
    expect(found.fetched.length).toBeGreaterThan(0);
    for (const height of found.fetched) expect(height % epochBlocks).toBe(0);
  });

  it.for(all)('refuses $part: $forgery.name', async ({ part, forgery }) => {
    const liar = forged(forgery);
    const { isWitness = false, isWarm = false, code, reason } = forgery;
    const found = await ask({
      nodes: isWitness ? [honest, liar] : [liar],
      subject: subjectOf(forgery),
      ...(isWarm ? { warmBy: honest } : {}),
    });
    rows.push({ part, forgery: forgery.name, code: found.code, because: found.reason });
    expect(desk.applied.get(forgery.name), 'answers that were forged').toBeGreaterThan(0);
    expect(found).toMatchObject({ code, reason: expect.stringContaining(reason) });
    if (code === 'LIGHT_FORK') expect(found.evidence).toBeGreaterThan(0);
  });

  it('refuses an honest answer when its trust is too old', async () => {
    const found = await ask({ nodes: [honest], subject: scene.known, trustingPeriodMs: 1 });
    expect(found.code).toBe('LIGHT_TRUST_EXPIRED');
  });

  it('asks the next node when one lies, and stops when validators do', async () => {
    for (const { forgery } of all) {
      if (forgery.isWitness || forgery.isWarm) continue;
      const subject = subjectOf(forgery);
      const found = await ask({ nodes: [forged(forgery), honest, honest], subject });
      const code = forgery.isSecondBlock ? 'LIGHT_FORK' : 'OK';
      expect([forgery.name, found.code]).toEqual([forgery.name, code]);
    }
  });

  it('shows a person what is proven, and what is not', async () => {
    const { known, twins } = scene;
    expect(await shownFor('/', known)).toMatch(/^[\d.]+ AIT$/);
    expect(await shownFor('/', twins[0], 'transaction')).toMatch(/^Final in block \d+$/);
    const [{ forgery }] = all.filter(({ part }) => part === 'entry') as [(typeof all)[0]];
    const liar = `/?node=${encodeURIComponent(forged(forgery))}`;
    expect(await shownFor(liar, known, 'refused')).toBe('Refused: LIGHT_PROOF_INVALID');
  });

  /** Fills in the form and reads the headline of the answer. */
  async function shownFor(path: string, subject: string, picture = 'account'): Promise<string> {
    const opened = await openPage(path);
    await opened.fill('#subject', subject);
    await opened.click('button');
    await opened.waitForSelector('[data-state=proven], [data-state=refused], [data-state=failed]');
    if (pictures) {
      await opened.screenshot({ path: join(pictures, `light-${picture}.png`), fullPage: true });
    }
    const text = await opened.locator('.verdict strong').textContent();
    await opened.close();
    return text ?? '';
  }

  it('asks a node itself, past any proxy, where the node lists its origin', async () => {
    const found = await ask({ nodes: [scene.net.url(leaver)], subject: scene.known });
    expect(found).toMatchObject({ code: 'OK', exists: true });
  });

  it('hears nothing from a node that does not list its origin', async () => {
    const { net, unknown: address } = scene;
    const listed = await bareFrom(desk.url);
    const other = await bareFrom(desk.url.replace('127.0.0.1', 'localhost'));
    const [open, closed] = [net.url(leaver), net.url(0)];
    const hear = async (from: Page, url: string) => {
      const status = { url, method: 'chain_status' };
      const faucet = { url, method: 'dev_faucet', params: { address } };
      return [await callFrom(from, status), await callFrom(from, faucet)];
    };
    for (const as of [String, socketUrlOf]) {
      expect(await hear(listed, as(open))).toEqual(['OK', 'FORBIDDEN']);
      expect(await hear(other, as(open))).toEqual(['blocked', 'blocked']);
      expect(await hear(listed, as(closed))).toEqual(['blocked', 'blocked']);
    }
    expect((await call(open, 'state_getAccount', { address })).balance).toBe('0');
    await Promise.all([listed.close(), other.close()]);
  });

  /** A page of ours without its watch: what the browser blocks, it also writes to the console. */
  async function bareFrom(url: string): Promise<Page> {
    const opened = await browser.newPage();
    await opened.goto(url);
    return opened;
  }

  it('breaks no rule of its content security policy and throws nothing', () => {
    expect(faults).toEqual([]);
  });
});
