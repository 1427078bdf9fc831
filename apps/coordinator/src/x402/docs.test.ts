/** Runs the code of docs/x402.md as it stands there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesFromBase64 } from '@aitbc/primitives';
import { decodeTx, unwrap } from '@aitbc/protocol';
import type { ChannelServer } from '@aitbc/x402';
import { keyOf } from '@aitbc/x402/testing';
import { afterEach, expect, test } from 'vitest';
import { type Bench, network, startBench } from '../testing/harness.ts';

const page = readFileSync(new URL('../../../../docs/x402.md', import.meta.url), 'utf8');
const here = fileURLToPath(new URL('.', import.meta.url));

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The module of a code block that begins with `// name`. */
async function snippet(name: string): Promise<Record<string, unknown>> {
  const code = page.split('```ts\n').find((block) => block.startsWith(`// ${name}\n`));
  if (!code) throw new Error(`docs/x402.md has no ${name}`);
  const folder = mkdtempSync(join(here, '.snippet-')); // beside this file: packages are found from here
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, name);
  writeFileSync(file, code.slice(0, code.indexOf('```')));
  return (await import(/* @vite-ignore */ file)) as Record<string, unknown>;
}

interface Sold {
  readonly server: Server;
  readonly vouchers: ChannelServer;
}

const account = keyOf(1);
const hotKey = keyOf(2);
const buyer = keyOf(3);

async function openShop(): Promise<{ bench: Bench; url: string; sold: Sold; costs: string[] }> {
  const bench = await startBench();
  closers.push(() => bench.stop());
  bench.chain.x402.give(buyer.publicKey, 1_000_000n);
  const costs: string[] = [];
  const { sell } = await snippet('sell.ts');
  const work = async () => ({ text: 'the weather is fine', costNait: costs.shift() ?? '250' });
  const open = sell as (options: object) => Promise<Sold>;
  const sold = await open({ coordinatorUrl: bench.url, account, hotKey, work });
  await new Promise<void>((resolve) => sold.server.listen(0, '127.0.0.1', resolve));
  closers.push(() => sold.server.close());
  const { port } = sold.server.address() as AddressInfo;
  return { bench, url: `http://127.0.0.1:${port}/weather`, sold, costs };
}

test('a stranger sells by voucher and a stranger buys: charged what the work cost', async () => {
  const { bench, url, sold } = await openShop();
  const chain = bench.chain.x402;
  const config = {
    payer: buyer.publicKey,
    payerAuthorizer: buyer.publicKey,
    receiver: account.publicKey,
    receiverAuthorizer: hotKey.publicKey,
    withdrawDelayMs: 3_600_000,
    salt: '07'.repeat(32),
  };
  const { channelId } = chain.open(config, 100_000n);
  const { payingFetch } = await snippet('buy.ts');
  const make = payingFetch as (options: object) => Promise<typeof fetch>;
  const channel = { config, balanceNait: 100_000n, secretKey: buyer.secretKey };
  const pay = await make({ coordinatorUrl: bench.url, channel });
  expect((await fetch(url)).status).toBe(402);
  for (let sale = 0; sale < 3; sale += 1) {
    const answer = await pay(url);
    expect([answer.status, await answer.text()]).toEqual([200, 'the weather is fine']);
  }
  chain.give(account.publicKey, 5_000n);
  const claim = sold.vouchers.claim({ height: chain.height, feeNait: 1_100n }) ?? '';
  await chain.submit(unwrap(decodeTx(network, bytesFromBase64(claim) ?? new Uint8Array(0))));
  expect(chain.channels.get(channelId)?.totalClaimed).toBe(750n);
});

test('a stranger buys by transfers, and a payment that was shown before buys nothing', async () => {
  const { bench, url } = await openShop();
  const { payingFetchOnce } = await snippet('buy-once.ts');
  const make = payingFetchOnce as (options: object) => Promise<typeof fetch>;
  const payments: string[] = [];
  const plain = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const payment = request.headers.get('payment-signature');
    if (payment) payments.push(payment);
    return plain(request);
  };
  closers.push(() => {
    globalThis.fetch = plain;
  });
  const pay = await make({ coordinatorUrl: bench.url, secretKey: buyer.secretKey });
  expect(await (await pay(url)).text()).toBe('the weather is fine');
  expect((await pay(url)).status).toBe(200);
  expect(await bench.chain.x402.balance(account.address)).toBe(2_000n);
  for (const header of [payments[0] ?? '', 'no base64 at all']) {
    const answer = await plain(url, { headers: { 'payment-signature': header } });
    expect(answer.status).not.toBe(200);
  }
  expect(await bench.chain.x402.balance(account.address)).toBe(2_000n);
});
