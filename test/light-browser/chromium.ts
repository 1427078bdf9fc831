/** A real browser: Chromium of the system, driven from outside. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Path of the browser, undefined where there is none. AITBC_CHROMIUM names another one. */
export function findChromium(): string | undefined {
  const named = process.env.AITBC_CHROMIUM;
  return (named ? [named] : places).find((path) => existsSync(path));
}

/** Starts the browser. Root has no sandbox of its own to give; the pages that it opens here are ours. */
export function startChromium(path: string): Promise<Browser> {
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: path, args });
}
