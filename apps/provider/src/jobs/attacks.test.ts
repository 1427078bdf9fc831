import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { modelName } from '../testing/counting-engine.ts';
import { createFakeChain } from '../testing/fake-chain.ts';
import { receiptsAt } from '../testing/read-answer.ts';
import { startProvider, type TestProvider } from '../testing/start-provider.ts';

const body = JSON.stringify({ model: modelName, messages: [{ role: 'user', content: 'hi' }] });
const running: TestProvider[] = [];
const dataDir = mkdtempSync(join(tmpdir(), 'aitbc-provider-'));
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

it('attack 25: two daemons on one folder run a job once, and it is charged once', async () => {
  const chain = createFakeChain();
  for (const _ of [1, 2]) running.push(await startProvider({ chain, dataDir }));
  const [first, second] = running as [TestProvider, TestProvider];
  expect(second.provider.address).toBe(first.provider.address);
  const header = first.buyer.header(body);
  const ask = async ({ url }: TestProvider) => {
    const headers = { 'payment-signature': header, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body, headers });
    return { status: answer.status, text: await answer.text() };
  };
  const answers = await Promise.all([first, second, first, second].map(ask));
  expect(answers.map(({ status }) => status)).toContain(200);
  expect(first.counts.calls + second.counts.calls).toBe(1);
  const jobId = first.buyer.jobId(body);
  const receipts = await receiptsAt(first.url, jobId);
  expect(receipts.at(-1)?.payload.charged).toBe('54');
});
