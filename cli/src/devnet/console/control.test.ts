import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openControl } from './control.ts';

const home = mkdtempSync(join(tmpdir(), 'aitbc-control-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function openTestControl() {
  const file = join(home, 'control.url');
  const events: string[] = [];
  let restarted = (): void => {};
  const isBack = new Promise<void>((resolve) => {
    restarted = resolve;
  });
  const control = await openControl(file, {
    nameOf: async (address) => (address === 'ait1known' ? 'provider-2' : undefined),
    kill: async (name) => void events.push(`kill ${name}`),
    async restart(name) {
      events.push(`restart ${name}`);
      restarted();
    },
    restartMs: 20,
  });
  const call = (url: string, provider: unknown, headers: Record<string, string> = {}) =>
    fetch(url, { method: 'POST', headers, body: JSON.stringify({ provider }) });
  return { control, file, events, isBack, call };
}

it('kills the provider of an address and starts it again', async () => {
  const { control, file, events, isBack, call } = await openTestControl();
  expect(readFileSync(file, 'utf8').trim()).toBe(control.url);
  expect(statSync(file).mode & 0o077).toBe(0);
  const answer = await call(control.url, 'ait1known');
  expect(await answer.json()).toEqual({ killed: 'provider-2', restartMs: 20 });
  await isBack;
  expect(events).toEqual(['kill provider-2', 'restart provider-2']);
  await control.stop();
});

it('refuses web pages, wrong tokens, nonsense and unknown addresses', async () => {
  const { control, events, call } = await openTestControl();
  const other = control.url.replace(/\/[0-9a-f]{64}\//, `/${'0'.repeat(64)}/`);
  const statuses = [
    await call(control.url, 'ait1known', { origin: 'http://127.0.0.1:8000' }),
    await call(other, 'ait1known'),
    await call(control.url, 7),
    await call(control.url, 'ait1unknown'),
    await fetch(control.url),
  ].map(({ status }) => status);
  expect(statuses).toEqual([403, 403, 400, 404, 403]);
  expect(events).toEqual([]);
  await control.stop();
});
