import {
  addressOf,
  decodeTxReply,
  encodeTxBatch,
  limits,
  type TxReply,
  unwrap,
} from '@aitbc/protocol';
import { createNodeClient, openSocket, type Socket } from '@aitbc/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainNode } from '../app.ts';
import {
  actor,
  fund,
  makeFolder,
  nodeIn,
  resultOf,
  type TestFolder,
  transfer,
} from '../testing/test-node.ts';

let at: TestFolder;
let node: ChainNode;
const url = () => node.url as string;
const [alice, bob] = [actor(1), actor(2)];

beforeAll(async () => {
  at = makeFolder();
  node = nodeIn(at);
  await node.start();
  await fund(url(), alice, 1_000_000_000n);
});
afterAll(async () => {
  await node.stop();
  at.remove();
});

const pay = (nonce: number) => transfer(at.network, alice, { to: bob.publicKey, nonce }).bytes;

/** A raw connection: what it was sent, and a way to wait for it. */
async function connect() {
  const replies: TxReply[] = [];
  const texts: string[] = [];
  const wakers: (() => void)[] = [];
  const wake = () => {
    for (const run of wakers.splice(0)) run();
  };
  let isClosed = false;
  const socket = await new Promise<Socket>((resolve) => {
    const opened = openSocket(url().replace('http', 'ws'), {
      onOpen: () => resolve(opened),
      onMessage(text) {
        texts.push(text);
        wake();
      },
      onBytes(bytes) {
        replies.push(unwrap(decodeTxReply(bytes)));
        wake();
      },
      onClose() {
        isClosed = true;
        wake();
      },
    });
  });
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) await new Promise<void>((resolve) => wakers.push(resolve));
  };
  return { socket, replies, texts, until, isClosed: () => isClosed };
}

describe('a binary batch', () => {
  it('is answered transaction by transaction, and what was taken becomes final', async () => {
    const client = createNodeClient({ url: url() });
    const outcomes = await client.sendBatch([pay(0), new Uint8Array(5), pay(1), pay(5)]);
    expect(outcomes.map(({ txId, code }) => code ?? typeof txId)).toEqual([
      ...['string', 'TX_MALFORMED', 'string', 'TX_NONCE_TOO_HIGH'],
    ]);
    const again = await client.sendBatch([pay(1)]);
    expect(again).toEqual([{ code: 'TX_DUPLICATE' }]);
    const address = addressOf(bob.publicKey);
    await expect
      .poll(async () => (await resultOf(url(), 'state_getAccount', { address })).balance)
      .toBe('2');
    await client.close();
  });

  it('that cannot be read is answered by one fault, and the connection stays', async () => {
    const { socket, replies, texts, until } = await connect();
    const frame = encodeTxBatch({ requestId: 77, txs: [pay(9)] });
    for (const bytes of [new Uint8Array(0), Uint8Array.of(9), frame.subarray(0, 12)]) {
      socket.send(bytes);
    }
    await until(() => replies.length === 3);
    expect(replies).toMatchObject([
      { requestId: 0, fault: { code: 'BAD_REQUEST' } },
      { requestId: 0, fault: { code: 'BAD_REQUEST' } },
      { requestId: 77, fault: { code: 'BAD_REQUEST' } },
    ]);
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'mempool_status' }));
    await until(() => texts.length === 1);
    socket.close();
  });

  it('above what may be under way ends the connection, and the node goes on', async () => {
    const { socket, until, isClosed } = await connect();
    const txs = Array.from({ length: limits.frameTxs }, (_, more) => pay(100 + more));
    for (let requestId = 1; requestId <= 20; requestId += 1) {
      socket.send(encodeTxBatch({ requestId, txs: txs.slice(0, 400) }));
    }
    await until(isClosed);
    expect((await resultOf(url(), 'chain_status')).network).toBe('ait-devnet');
  });
});
