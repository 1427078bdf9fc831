/**
 * How quick the web console is, as a table: script of the first load, largest paint and long tasks in a throttled browser,
 * and a market of 10 000 rows that is scrolled from end to end.
 *
 *   node scripts/console/figures.mjs [--coordinator URL --gateway URL]
 *
 * Everything comes from a real devnet but the 10 000 offers, which this script answers in the coordinator's place, page by
 * page. Throttled is a processor four times slower and a line of 10 Mbit/s with 40 ms, as Lighthouse takes for a desktop.
 */
import { readdirSync, statSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { consoleOutput } from './build.mjs';
import { openBrowser } from './tour-pages.mjs';
import { withDevnet } from './with-devnet.mjs';

const ROWS = 10_000;
const PAGE = 100;
const CPU_SLOWER = 4;
const LINE = {
  offline: false,
  latency: 40,
  downloadThroughput: 1_250_000,
  uploadThroughput: 1_250_000,
};
const AIMS = { scriptKb: 200, paintMs: 1_500, longTaskMs: 100 };
const SETTLE_MS = 4_000;
const RUNS = 3;

const { values } = parseArgs({
  options: { coordinator: { type: 'string' }, gateway: { type: 'string' } },
});
const load = () => loadavg()[0].toFixed(1);
const begunLoad = load();
await withDevnet(values, async ({ coordinator }) => {
  const loads = [];
  for (let run = 0; run < RUNS; run += 1) {
    loads.push(await inBrowser((browser) => firstLoad(browser, coordinator)));
  }
  const market = await inBrowser((browser) => bigMarket(browser, coordinator));
  print([...loadRows(loads), ...market]);
  console.log(`on ${cpus().length} cores; load average before and after: ${begunLoad}, ${load()}`);
});

/** A browser of its own for each measurement: a throttled page leaves traces in its browser. */
async function inBrowser(measure) {
  const browser = await openBrowser();
  try {
    return await measure(browser);
  } finally {
    await browser.close();
  }
}

/** One visit with an empty cache. */
async function firstLoad(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWER });
  await cdp.send('Network.enable');
  await cdp.send('Network.emulateNetworkConditions', LINE);
  let scriptBytes = 0;
  const ofScript = new Set();
  cdp.on(
    'Network.responseReceived',
    ({ requestId, type }) => type === 'Script' && ofScript.add(requestId),
  );
  cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (ofScript.has(requestId)) scriptBytes += encodedDataLength;
  });
  await page.addInitScript(watchPaint);
  await page.goto(url);
  await page.locator('main h1').first().waitFor();
  await page.waitForTimeout(SETTLE_MS);
  const { paintMs, longest } = await page.evaluate(() => window.seen);
  await context.close();
  return { scriptKb: scriptBytes / 1_000, paintMs, longTaskMs: longest };
}

/** Runs in the page. */
function watchPaint() {
  window.seen = { paintMs: 0, longest: 0, long: 0 };
  const watch = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({
      type,
      buffered: true,
    });
  watch('largest-contentful-paint', ({ startTime }) => {
    window.seen.paintMs = startTime;
  });
  watch('longtask', ({ duration }) => {
    window.seen.longest = Math.max(window.seen.longest, duration);
    window.seen.long += 1;
  });
}

function loadRows(loads) {
  const middle = (name) =>
    loads.map((load) => load[name]).sort((a, b) => a - b)[Math.floor(RUNS / 2)];
  const total = filesKb(consoleOutput());
  return [
    [
      'Script of the first load, with its transfer',
      `${middle('scriptKb').toFixed(0)} kB`,
      `${AIMS.scriptKb} kB`,
    ],
    ['All script there is, every page', `${total.toFixed(0)} kB with gzip`, '–'],
    [
      `Largest Contentful Paint, median of ${RUNS}`,
      `${middle('paintMs').toFixed(0)} ms`,
      `${AIMS.paintMs} ms`,
    ],
    [
      `Longest task of the load, median of ${RUNS}`,
      `${middle('longTaskMs').toFixed(0)} ms`,
      `${AIMS.longTaskMs} ms`,
    ],
  ];
}

function filesKb(folder) {
  const assets = join(folder, 'assets');
  const files = readdirSync(assets).filter((name) => name.endsWith('.js.gz'));
  return files.reduce((sum, name) => sum + statSync(join(assets, name)).size, 0) / 1_000;
}

/** Loads all rows of a large market, scrolls through them and counts what was shown. */
async function bigMarket(browser, url) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  const [sample] = (await (await fetch(`${url}/v1/offers`)).json()).offers;
  await page.route('**/v1/offers*', (route) => {
    const after = Number(new URL(route.request().url()).searchParams.get('after') ?? 0);
    const offers = Array.from({ length: PAGE }, (_, at) => offerOf(sample, after + at));
    const next = after + PAGE < ROWS ? String(after + PAGE) : null;
    return route.fulfill({ json: { offers, next } });
  });
  await page.addInitScript(watchPaint);
  await page.goto(`${url}/market`);
  const startedMs = performance.now();
  await page.getByRole('button', { name: 'Load all' }).click();
  await page
    .getByTestId('loaded')
    .getByText(/^10 000$/)
    .waitFor({ timeout: 120_000 });
  const loadedMs = performance.now() - startedMs;
  await page.evaluate(() => {
    window.seen.longest = 0;
  });
  await page.locator('.table-scroll [aria-rowindex]').first().waitFor();
  const { seen, worstFrameMs } = await page.evaluate(scrollThrough, ROWS);
  const longest = await page.evaluate(() => window.seen.longest);
  await page.close();
  return [
    [`${ROWS} rows loaded, ${ROWS / PAGE} calls`, `${(loadedMs / 1_000).toFixed(1)} s`, '–'],
    ['Rows shown while scrolling to the end', `${seen} of ${ROWS}`, String(ROWS)],
    ['Longest frame while scrolling', `${worstFrameMs.toFixed(0)} ms`, `${AIMS.longTaskMs} ms`],
    [
      'Longest task while scrolling',
      longest === 0 ? 'none above 50 ms' : `${longest.toFixed(0)} ms`,
      `${AIMS.longTaskMs} ms`,
    ],
  ];
}

function offerOf(sample, number) {
  const outputPerMTok = String(100_000_000 + number * 1_000);
  const payload = { ...sample.offer.payload, model: `model-${String(number).padStart(5, '0')}` };
  payload.price = { ...payload.price, outputPerMTok };
  const offerId = number.toString(16).padStart(64, '0');
  return { ...sample, offerId, offer: { ...sample.offer, payload } };
}

/** Runs in the page: each step moves on by less than a window, so every row is in sight once. */
async function scrollThrough(rows) {
  const box = document.querySelector('.table-scroll');
  const seen = new Set();
  let worstFrameMs = 0;
  let lastMs = performance.now();
  const stride = Math.max(200, box.clientHeight - 80);
  const end = box.scrollHeight - box.clientHeight;
  for (let top = 0; top < end + stride; top += stride) {
    box.scrollTop = top;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const nowMs = performance.now();
    worstFrameMs = Math.max(worstFrameMs, (nowMs - lastMs) / 2);
    lastMs = nowMs;
    for (const row of box.querySelectorAll('[aria-rowindex]'))
      seen.add(row.getAttribute('aria-rowindex'));
    if (seen.size >= rows) break;
  }
  return { seen: seen.size, worstFrameMs };
}

function print(rows) {
  const widths = [0, 1, 2].map((at) => Math.max(...rows.map((row) => row[at].length), 4));
  const line = (cells) => cells.map((cell, at) => cell.padEnd(widths[at])).join('  ');
  console.log(line(['What', 'Figure', 'Aim']));
  for (const row of rows) console.log(line(row));
}
