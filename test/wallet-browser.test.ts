/**
 * A web page against the wallet of the person who looks at it. The page is on another origin, in a real browser, and knows even the
 * admin token; it tries every way in that a browser has. Nothing it sends gets an answer that it may read, and the
 * wallet signs nothing: its log has no line. The same call from a program is signed, so the test can fail.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { base64 } from '@aitbc/primitives';
import {
  accountIdOf,
  encodeUnsignedTx,
  networkFromHash,
  unwrap,
  walletEndpoints,
} from '@aitbc/protocol';
import { createClient } from '@aitbc/sdk';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findChromium } from './light-browser/chromium.ts';
import { attacks, type Target } from './wallet-browser/attacks.ts';

const chromiumPath = findChromium();
const isCi = process.env.CI === 'true';
const canRun = chromiumPath !== undefined || isCi;
const whyNot =
  'Chromium is not installed (apt-get install chromium; AITBC_CHROMIUM names another path)';
const main = fileURLToPath(new URL('../apps/wallet/dist/testing/told-wallet.js', import.meta.url));
const network = networkFromHash('test', 'ab'.repeat(32)); // that of the wallet's test chain
const password = 'correct horse';
const evil = 'evil.example';
const rebound = 'rebound.example';

/** Ways in that the browser does not stop itself: the wallet is asked, and refuses. */
const arriving = new Set([
  'a simple call that asks nobody',
  'a form that is posted',
  'a form with fields',
]);

describe('a web page on another origin', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'aitbc-wallet-page-'));
  let child: ChildProcess;
  let site: Server;
  let browser: Browser;
  let page: Page;
  let target: Target;
  let admin: ReturnType<typeof createClient<typeof walletEndpoints>>;
  const answers: { url: string; status: number }[] = [];

  beforeAll(async () => {
    if (!canRun) return;
    if (!chromiumPath) throw new Error(`${whyNot}, and CI skips nothing`);
    if (!existsSync(main)) throw new Error(`${main} is not built; run npm run build`);
    child = spawn(process.execPath, [main, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
    const walletUrl = await new Promise<string>((done) => {
      child.stdout?.once('data', (line: Buffer) => done(line.toString().trim()));
    });
    const token = readFileSync(join(dataDir, 'admin.token'), 'utf8').trim();
    admin = createClient(walletEndpoints, { baseUrl: walletUrl, token });
    const { address } = await admin.createAccount({ label: 'main', password });
    await admin.unlock({ address, password });
    target = { walletUrl, token, address, tx: transferOf(address) };
    site = createServer((_, response) => {
      response
        .setHeader('content-type', 'text/html')
        .end('<!doctype html><title>free coins</title>');
    });
    await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
    browser = await startBrowser(chromiumPath);
    page = await browser.newPage();
    page.on('response', (response) => {
      const url = response.url();
      if (url.includes(`:${new URL(walletUrl).port}/`))
        answers.push({ url, status: response.status() });
    });
  });
  beforeEach(async (context) => {
    context.skip(!canRun, whyNot);
    answers.length = 0;
    await page.goto(`http://${evil}:${(site.address() as AddressInfo).port}/`);
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
    child?.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function expectNothingSigned(): Promise<void> {
    expect((await admin.log({})).entries).toEqual([]);
    expect((await admin.listTokens({})).tokens).toHaveLength(1);
    expect((await admin.listAccounts({})).accounts).toMatchObject([{ label: 'main' }]);
    for (const { url, status } of answers) expect(status, url).toBeGreaterThanOrEqual(400);
  }

  it.each(Object.keys(attacks))('gets nothing by %s', async (name) => {
    const attack = attacks[name as keyof typeof attacks];
    const read = await page.evaluate(attack, target);
    expect(read).toBe('nothing');
    if (arriving.has(name)) expect(answers.map(({ status }) => status)).toContain(403);
    await expectNothingSigned();
  });

  it('gets nothing by a name of its own that leads to this machine', async () => {
    const { port } = new URL(target.walletUrl);
    const own = { ...target, walletUrl: `http://${rebound}:${port}` };
    const opened = await page.goto(`${own.walletUrl}/v1/about`);
    expect(opened?.status()).toBe(403);
    expect(await opened?.text()).toContain('WALLET_HOST_FORBIDDEN');
    const statuses = await page.evaluate(async ({ walletUrl, token, address, tx }) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const sign = `${walletUrl}/v1/accounts/${address}/sign`;
      const calls = [
        fetch(sign, { method: 'POST', headers, body: JSON.stringify({ tx }) }),
        fetch(`${walletUrl}/v1/accounts`, { headers }),
      ];
      return (await Promise.all(calls)).map(({ status }) => status);
    }, own);
    expect(statuses).toEqual([403, 403]);
    await expectNothingSigned();
  });

  it('is no program: the same call from one is signed', async () => {
    const { address, tx } = target;
    await admin.sign({ address, tx });
    expect((await admin.log({})).entries).toHaveLength(1);
  });
});

function transferOf(address: string): string {
  return base64(
    encodeUnsignedTx({
      ...{ kind: 'transfer', chain: network.chain, nonce: 0, validUntil: 0, fee: 10n },
      from: unwrap(accountIdOf(address)),
      body: { to: 'cd'.repeat(32), amount: 5n, memo: '' },
    }),
  );
}

/** A browser in which both names lead to this machine, and that lets pages of the internet call it. */
function startBrowser(executablePath: string): Promise<Browser> {
  const rules = [evil, rebound].map((name) => `MAP ${name} 127.0.0.1`).join(', ');
  const loose =
    '--disable-features=BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessChecks,LocalNetworkAccessChecks';
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const args = [`--host-resolver-rules=${rules}`, loose, ...root];
  return chromium.launch({ executablePath, args });
}
