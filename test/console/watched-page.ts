/** A page of the console under watch: where its requests go, which rules it breaks, what it throws, what axe finds. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);
/** Answers that a page shows as a state of its own. */
const shownStatuses = /status of 404/;

/** What a page did. */
export interface Watch {
  readonly page: Page;
  /** Origins that were called. */
  readonly origins: ReadonlySet<string>;
  /** Broken rules, thrown errors and complaints of the browser. */
  readonly faults: readonly string[];
}

/** Opens a page that is watched from its first byte. */
export async function watchPage(
  browser: Browser,
  viewport = { width: 1280, height: 860 },
): Promise<Watch> {
  const context = await browser.newContext({ viewport, colorScheme: 'light' });
  const page = await context.newPage();
  const origins = new Set<string>();
  const faults: string[] = [];
  page.on('request', (request) => {
    if (request.url().startsWith('http')) origins.add(new URL(request.url()).origin);
    else faults.push(`a request to ${request.url().slice(0, 80)}`);
  });
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (line) => {
    if (line.type() === 'error' && !shownStatuses.test(line.text())) faults.push(line.text());
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      console.error(`policy: ${violatedDirective} ${blockedURI}`);
    });
  });
  return { page, origins, faults };
}

interface WithAxe {
  readonly axe: { run(options: unknown): Promise<AxeResults> };
}

/** Serious and critical violations of the rules for AA, or of some of them, one line each. */
export async function axeFaults(page: Page, rules?: readonly string[]): Promise<string[]> {
  await page.evaluate(axeSource);
  const runOnly = rules ?? ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];
  const { violations } = await page.evaluate(
    (only) =>
      (window as unknown as WithAxe).axe.run({ resultTypes: ['violations'], runOnly: only }),
    [...runOnly],
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)} (${nodes.length})`);
}

/** How much wider than its window a page is, px. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}
