import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gatewayHeaders, readDialect } from '@aitbc/protocol';
import { createCoordinatorClient } from '@aitbc/sdk';
import { until } from '@aitbc/service';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectSeller, logIn, recordOf, reportBy } from '../../testing/audited.ts';
import { type Bench, identityOf, startBench } from '../../testing/harness.ts';
import { sellingProvider } from '../../testing/provider.ts';

let gateway: Server;
/** Requests that the gateway got. */
let asked: ReturnType<typeof readDialect>['request'][];
/** Who serves, by the gateway's word; undefined refuses. */
let serves: string | undefined;
let bench: Bench;

beforeEach(async () => {
  [asked, serves] = [[], undefined];
  gateway = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    asked.push(readDialect('openai', JSON.parse(text)).request);
    if (serves === undefined) response.writeHead(503);
    else response.writeHead(200, { [gatewayHeaders.provider]: serves });
    response.end('{}');
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  const config = { canaryGateway: url, canaryEveryMs: 1_000, auditRateBps: 1 };
  bench = await startBench({ config });
});
afterEach(async () => {
  await bench.stop();
  await new Promise((resolve) => gateway.close(resolve));
});

const [ann, bob] = [identityOf('ann'), identityOf('bob')];
/** What the gateway that buys canaries sees of the coordinator. */
const door = () => createCoordinatorClient({ baseUrl: `${bench.url}/canary` });
const routed = async () => {
  const { offers } = await door().route({ models: ['tiny'] });
  return offers.map(({ offer }) => offer.payload.provider);
};
const canary = async (count: number): Promise<void> => {
  await bench.pass(1_000);
  // The one before may still be on its way back; until it is there a round begins none.
  await until(async () => {
    await bench.pass(0);
    return asked.length === count;
  });
};

test('newcomers get canaries in turn, each a request of the verifiable class', async () => {
  await connectSeller(bench, 'ann');
  await connectSeller(bench, 'bob');
  [serves] = await routed();
  const first = serves;
  await canary(1);
  await until(async () => (await routed())[0] !== first);
  [serves] = await routed();
  expect(new Set([first, serves])).toEqual(new Set([ann.address, bob.address]));
  await canary(2);
  expect(asked.map(({ temperature, model }) => [temperature, model])).toEqual([
    [0, 'tiny'],
    [0, 'tiny'],
  ]);
  expect(JSON.stringify(asked[0]?.messages)).not.toBe(JSON.stringify(asked[1]?.messages));
});

test('only the newcomer whose turn it is can be bought from there, and only where answers are verifiable', async () => {
  bench.chain.register(identityOf('plain'));
  await sellingProvider(bench, 'plain');
  await expect(routed()).rejects.toMatchObject({ code: 'NO_OFFER' });
  await connectSeller(bench, 'ann');
  expect(await routed()).toEqual([ann.address]);
});

test('reports about newcomers are drawn always, those of others at the usual rate', async () => {
  await connectSeller(bench, 'ann');
  const [receipt] = recordOf(ann).parts.map((part) => part.receipt);
  if (!receipt) throw new Error('the record is empty');
  const times = { firstTokenMs: 1, durationMs: 2 };
  expect((await door().report({ receipt, ...times })).audit?.rateBps).toBe(10_000);
  const [usual] = recordOf(ann, 'two').parts.map((part) => part.receipt);
  if (!usual) throw new Error('the record is empty');
  expect((await bench.client.report({ receipt: usual, ...times })).audit?.rateBps).toBe(1);
});

test('a passed audit is the end of canaries, and so are eight that lead to nothing', async () => {
  await connectSeller(bench, 'ann');
  await connectSeller(bench, 'bob');
  const options = await logIn(bench, bob);
  await bench.client.auditDuties({}, options);
  const record = recordOf(ann);
  const [receipt] = record.parts.map((part) => part.receipt);
  if (!receipt) throw new Error('the record is empty');
  await door().report({ receipt, firstTokenMs: 1, durationMs: 2 });
  bench.chain.audits.newest += 2;
  expect(await door().giveAuditRecord({ record })).toEqual({ accepted: true });
  await bench.client.auditReport({ report: reportBy(bob, record, 'honest') });
  expect(await routed()).toEqual([bob.address]);
  for (let count = 1; count <= 8; count += 1) await canary(count);
  await until(async () => (await routed().catch(() => [])).length === 0);
  await bench.pass(1_000);
  expect(asked).toHaveLength(8);
});
