/**
 * Pictures of every page of the web console, light and dark, on a desktop and on a phone.
 *
 *   node scripts/console/shots.mjs [--out DIR] [--only NAME,NAME] [--docs] [--coordinator URL --gateway URL]
 *
 * `--docs` takes only the three that stand in the README, one window each, into docs/images.
 * Without the addresses of a running devnet it brings one up, with four validators and two providers.
 */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { factsOf, openBrowser, pagesOf } from './tour-pages.mjs';
import { withDevnet } from './with-devnet.mjs';

const SIZES = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } };
/** Pictures of the README, and in which light. */
const README = { job: 'light', overview: 'dark', playground: 'light' };
const SETTLE_MS = 900;

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    only: { type: 'string' },
    docs: { type: 'boolean', default: false },
    coordinator: { type: 'string' },
    gateway: { type: 'string' },
  },
});
const IMAGES = join(import.meta.dirname, '../../docs/images');
const out = values.docs ? IMAGES : (values.out ?? mkdtempSync(join(tmpdir(), 'console-shots-')));
mkdirSync(out, { recursive: true });
await withDevnet(values, shootAll);
console.log(`pictures are in ${out}`);

async function shootAll(urls) {
  const browser = await openBrowser();
  try {
    const wanted = values.docs ? Object.keys(README) : values.only?.split(',');
    const all = Object.entries(pagesOf(await factsOf(urls)));
    const pages = all.filter(([name]) => wanted?.includes(name) ?? true);
    if (values.docs) {
      for (const [name, colorScheme] of Object.entries(README)) {
        const one = pages.filter(([page]) => page === name);
        await shootPages(browser, { urls, pages: one, size: 'desktop', colorScheme });
      }
      return;
    }
    for (const size of Object.keys(SIZES)) {
      for (const colorScheme of ['light', 'dark']) {
        await shootPages(browser, { urls, pages, size, colorScheme });
      }
    }
  } finally {
    await browser.close();
  }
}

async function shootPages(browser, { urls, pages, size, colorScheme }) {
  const deviceScaleFactor = size === 'phone' ? 2 : 1;
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme,
    deviceScaleFactor,
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => console.log(`  ${error}`));
  page.on('console', (line) => line.type() === 'error' && console.log(`  ${line.text()}`));
  for (const [name, path] of pages) {
    await page.goto(urls.coordinator + path);
    await page.locator('main h1').first().waitFor();
    if (name === 'playground') await play(page);
    await page.waitForTimeout(SETTLE_MS);
    const picture = values.docs ? `console-${name}` : `${name}-${size}-${colorScheme}`;
    await page.screenshot({ path: join(out, `${picture}.png`), fullPage: !values.docs });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) console.log(`  ${name} ${size}: ${wide} px wider than the window`);
  }
  await context.close();
}

/** One paid answer that loses its provider, once the one of the picture before is back. */
async function play(page) {
  await page.getByLabel('Your question').waitFor();
  await page.getByRole('button', { name: 'Kill the provider' }).click({ timeout: 30_000 });
  await page.getByLabel('Your question').fill('What is a view?');
  await page.getByRole('button', { name: 'Ask and pay' }).click();
  await page.getByTestId('bill').waitFor({ timeout: 30_000 });
}
