/**
 * The web console in a real browser against a real devnet: every page, a paid answer by somebody without a wallet, a
 * provider that is killed in mid-answer, and a receipt that the browser itself verifies.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { axeFaults, overflowOf, type Watch, watchPage } from './console/watched-page.ts';
import { startNetwork, type TestNetwork } from './harness.ts';
import { findChromium, startChromium } from './light-browser/chromium.ts';

const chromium = findChromium();
const isCi = process.env.CI === 'true';
const canRun = chromium !== undefined || isCi;
const whyNot =
  'Chromium is not installed (apt-get install chromium; AITBC_CHROMIUM names another path)';
const triesMax = 4;
const aMinuteMs = 60_000;
const schemes = ['light', 'dark'] as const;
/** Pages that show every part of the others. */
const darkToo = new Set(['Overview', 'Validators', 'Jobs', 'Playground', 'Verify a receipt']);
const answerMs = 40_000; // of a small model on a busy machine

describe('the web console', () => {
  const begunMs = performance.now();
  let network: TestNetwork;
  let browser: Browser;
  let watch: Watch;
  let page: Page;
  let base = '';

  beforeAll(async () => {
    if (!canRun) return;
    if (!chromium) throw new Error(`${whyNot}, and CI skips nothing`);
    [network, browser] = await Promise.all([
      startNetwork({ validators: 1, providers: 2 }),
      startChromium(chromium),
    ]);
    base = network.devnet.daemon('coordinator').url;
    watch = await watchPage(browser);
    page = watch.page;
  });
  beforeEach((context) => context.skip(!canRun, whyNot));
  afterAll(async () => {
    await browser?.close();
    await network?.end();
  });

  const heading = (name: string | RegExp) => page.getByRole('heading', { level: 1, name });
  const nav = (name: string) =>
    page.getByRole('navigation').getByRole('link', { name, exact: true });

  async function ask(question: string): Promise<void> {
    await page.getByLabel('Your question').fill(question);
    await page.getByRole('button', { name: 'Ask and pay' }).click();
  }

  it('sells an answer to somebody without a wallet, a minute after the network began', async () => {
    await page.goto(base);
    await heading('Overview').waitFor();
    await nav('Playground').click();
    await ask('What is a view?');
    const bill = page.getByTestId('bill');
    await bill.waitFor({ timeout: answerMs });
    expect(await bill.textContent()).toMatch(
      /^([\d ]+ nait|0\.[\d ]+ AIT) for \d+ tokens and a prompt of \d+$/,
    );
    expect((await page.locator('.answer').textContent())?.length).toBeGreaterThan(20);
    expect(performance.now() - begunMs).toBeLessThan(aMinuteMs);
    const { calls } = await network.devnet.clients.gateway.spend({ limit: 1 });
    expect(calls[0]).toMatchObject({ outcome: expect.stringMatching(/complete|limit/) });
  });

  it('shows who delivered what when the provider is killed in mid-answer', async () => {
    const kill = page.getByRole('button', { name: 'Kill the provider while it answers' });
    const moved = page.getByTestId('moved');
    // A small model may end its answer before the blow falls; the provider comes back and it is tried again.
    for (let tries = 1; tries <= triesMax && (await moved.count()) === 0; tries += 1) {
      await kill.click();
      await ask('How do I add an index?');
      await page.getByTestId('bill').nth(tries).waitFor({ timeout: answerMs });
    }
    expect(await moved.count()).toBe(1);
    expect(await page.locator('.shares li').count()).toBe(2);
    const [first, second] = await page
      .locator('.turn:last-child .stretch, li:last-child .stretch')
      .allTextContents();
    expect(first?.length).toBeGreaterThan(0);
    expect(second?.length).toBeGreaterThan(0);
  });

  it('verifies the receipt of that job in the browser, and refuses it with one digit changed', async () => {
    await page.getByRole('link', { name: 'Verify its receipt' }).last().click();
    await page.locator('[data-verdict=holds]').waitFor({ timeout: answerMs });
    expect(await page.locator('.checks').textContent()).toContain('Signatures');
    const proof = page.getByLabel('Paste it here');
    const text = await proof.inputValue();
    const changed = text.replace(
      /"charged":"(\d+)"/,
      (_, charged: string) => `"charged":"${BigInt(charged) + 1n}"`,
    );
    expect(changed).not.toBe(text);
    await proof.fill(changed);
    await page.locator('[data-verdict=refused]').waitFor();
    await proof.fill(text);
    await page.locator('[data-verdict=holds]').waitFor();
  });

  it('opens every page, and axe finds nothing serious in light or dark', async () => {
    const found: string[] = [];
    const look = async (name: string): Promise<void> => {
      await page.locator('main h1').first().waitFor();
      await page.locator('.waiting').first().waitFor({ state: 'detached' });
      for (const colorScheme of darkToo.has(name) ? schemes : schemes.slice(0, 1)) {
        await page.emulateMedia({ colorScheme });
        const rules = colorScheme === 'dark' ? ['color-contrast'] : undefined; // nothing else changes
        const faults = await axeFaults(page, rules);
        found.push(...faults.map((fault) => `${name}, ${colorScheme}: ${fault}`));
      }
    };
    const names = await page.getByRole('navigation').locator('li a').allTextContents();
    expect(names).toHaveLength(12);
    for (const name of names) {
      await nav(name).click();
      await look(name);
    }
    for (const path of await deepLinks()) {
      await page.goto(base + path);
      await look(path);
    }
    expect(found).toEqual([]);
  });

  /** A page of each kind, as links that somebody might be sent. */
  async function deepLinks(): Promise<string[]> {
    const { node, gateway } = network.devnet.clients;
    const { calls, channels, payer } = await gateway.spend({ limit: 1 });
    const { blocks } = await node.rpc.chain_listBlocks({ limit: 100 });
    const height = blocks.find(({ txCount }) => txCount > 0)?.header.height ?? 1;
    const { receipts } = await node.rpc.chain_getBlock({ height });
    return [
      ...[`/explorer/block/${height}`, `/explorer/tx/${receipts[0]?.txId}`],
      ...[`/explorer/account/${payer}`, `/explorer/channel/${channels[0]?.channelId}`],
      ...[`/jobs/${calls[0]?.jobId}`, `/providers/${calls[0]?.provider}`],
    ];
  }

  it('finds a block by its height and says when there is none, with the keyboard alone', async () => {
    await page.goto(base);
    await heading('Overview').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('1');
    await page.keyboard.press('Enter');
    await heading('Block 1').waitFor();
    expect(new URL(page.url()).pathname).toBe('/explorer/block/1');
    await page.keyboard.press('/');
    await page.keyboard.type('999999999');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('Nothing here is called').waitFor();
  });

  it('fits a phone: no page is wider than its window', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const path of [
      '/',
      '/explorer',
      '/market',
      '/jobs',
      '/playground',
      '/receipt',
      ...(await deepLinks()),
    ]) {
      await page.goto(base + path);
      await page.locator('main h1').first().waitFor();
      await page.locator('.waiting').first().waitFor({ state: 'detached' });
      expect([path, await overflowOf(page)]).toEqual([path, 0]);
    }
    await page.getByRole('button', { name: 'Menu' }).click();
    await nav('Validators').click();
    await heading('Validators').waitFor();
  });

  it('broke no rule of its policy, threw nothing, and called nobody but its coordinator and its gateway', () => {
    expect(watch.faults).toEqual([]);
    const gateway = new URL(network.devnet.daemon('gateway').url).origin;
    expect([...watch.origins].sort()).toEqual([new URL(base).origin, gateway].sort());
  });
});
