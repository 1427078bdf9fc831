import { addressOf, channelConfigOf, channelIdOf, limits } from '@aitbc/protocol';
import { createLog, type JsonSocket, until } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChainNode } from '../app.ts';
import {
  actor,
  faucetActor,
  fund,
  makeFolder,
  nodeIn,
  post,
  resultOf,
  sendParams,
  signed,
  type TestFolder,
  transfer,
} from '../testing/test-node.ts';
import { openSocket, type TestSocket } from '../testing/test-socket.ts';
import { createSubscriptions } from './subscriptions.ts';
import type { TopicSource } from './topics.ts';

let at: TestFolder;
let node: ChainNode;
let socket: TestSocket;
const alice = actor(1);
const bob = actor(2);
const url = () => node.url as string;
let nonce = 0;

beforeEach(async () => {
  at = makeFolder();
  node = nodeIn(at);
  nonce = 0;
  await node.start();
  socket = await openSocket(url());
});
afterEach(async () => {
  socket.close();
  await node.stop();
  at.remove();
});

async function pay(amount = 1n) {
  const tx = transfer(at.network, alice, { to: bob.publicKey, amount, nonce });
  nonce += 1;
  return resultOf(url(), 'tx_sendAndWait', sendParams(tx));
}
const of = (topic: string) => socket.notifications.filter((one) => one.topic === topic);
const heights = () => of('finalBlocks').map(({ data }) => data.header.height);

describe('a subscription', () => {
  it('tells of each final block in order, with rising cursors', async () => {
    const { cursor } = await socket.follow('finalBlocks');
    const first = Number(cursor.split('.')[0]);
    await fund(url(), alice, 1_000_000n);
    await pay();
    await pay();
    await until(() => of('finalBlocks').length >= 3);
    expect(heights()).toEqual(heights().map((_, index) => first + index));
    const { data } = of('finalBlocks')[0]!;
    const block = await resultOf(url(), 'chain_getBlock', { hash: data.hash });
    expect(block.header).toEqual(data.header);
  });

  it('tells of transactions, one transaction, and the accounts they change', async () => {
    await fund(url(), alice, 1_000_000n);
    const accountTopic = `account:${addressOf(bob.publicKey)}`;
    await socket.follow('transactions');
    await socket.follow(accountTopic);
    const tx = transfer(at.network, alice, { to: bob.publicKey, amount: 9n });
    await socket.follow(`tx:${tx.txId}`);
    await socket.call('tx_send', sendParams(tx));
    // The coins came in the block before, which may be told of too.
    const told = () => of('transactions').filter(({ data }) => data.tx.txId === tx.txId);
    await until(() => of(`tx:${tx.txId}`).length === 1 && told().length === 1);
    expect(of(`tx:${tx.txId}`)[0]?.data).toEqual(
      await resultOf(url(), 'tx_get', { txId: tx.txId }),
    );
    expect(told()[0]?.data.status).toBe('final');
    await until(() => of(accountTopic).length === 1);
    expect(of(accountTopic)[0]?.data).toEqual({
      address: addressOf(bob.publicKey),
      balance: '9',
      nonce: 0,
      vault: '0',
    });
    await socket.follow(`tx:${tx.txId}`);
    await until(() => of(`tx:${tx.txId}`).length === 2, { what: 'news of a final transaction' });
  });

  it('tells payer and receiver of a channel what became of it', async () => {
    await fund(url(), alice, 10_000_000_000n);
    const allocation = {
      receiver: bob.publicKey,
      payerAuthorizer: alice.publicKey,
      receiverAuthorizer: bob.publicKey,
      withdrawDelayMs: 60_000,
      salt: '00'.repeat(32),
      amount: 5n,
    };
    const channelId = channelIdOf(at.network, channelConfigOf(alice.publicKey, allocation));
    await socket.follow(`channel:${channelId}`);
    await socket.follow(`receiver:${addressOf(bob.publicKey)}`);
    await socket.follow(`receiver:${addressOf(alice.publicKey)}`);
    const body = { amount: 8n, allocations: [allocation] };
    const tx = signed(at.network, alice, { kind: 'vault_deposit', body });
    await socket.call('tx_send', sendParams(tx));
    await until(() => socket.notifications.length === 2);
    for (const { data } of socket.notifications) {
      expect(data).toEqual(await resultOf(url(), 'state_getChannel', { channelId }));
    }
  });

  it('tells of every mandate that is given, spent from or taken back', async () => {
    await fund(url(), alice, 10_000_000_000n);
    await fund(url(), bob, 10_000_000_000n);
    await socket.follow('mandates');
    const terms = { channelMaxNait: 5n, windowMaxNait: 10n, windowMs: 60_000, totalMaxNait: 100n };
    const more = { jobMaxNait: 2n, receivers: [], models: [], allows: 2, expiresAtHeight: 10_000 };
    const { publicKey: subKey } = bob;
    const grant = { subKey, ...terms, ...more };
    const sendAll = async (from: typeof alice, txs: readonly [kind: string, body: object][]) => {
      for (const [nonce, [kind, body]] of txs.entries()) {
        const tx = signed(at.network, from, { kind, body, nonce } as never);
        await resultOf(url(), 'tx_sendAndWait', sendParams(tx));
      }
    };
    await sendAll(alice, [
      ['vault_deposit', { amount: 50n, allocations: [] }],
      ['mandate_grant', grant],
    ]);
    await until(() => of('mandates').length === 1);
    expect(of('mandates')[0]?.data).toEqual(
      await resultOf(url(), 'state_getMandate', {
        owner: addressOf(alice.publicKey),
        subKey: addressOf(subKey),
      }),
    );
    await sendAll(bob, [
      ['mandate_transfer', { owner: alice.publicKey, to: actor(3).publicKey, amount: 4n }],
    ]);
    await until(() => of('mandates').length === 2);
    expect(of('mandates')[1]?.data).toMatchObject({ spentNait: '4', jobMaxNait: '2' });
    const revoke = signed(at.network, alice, {
      ...{ kind: 'mandate_revoke', body: { subKey }, nonce: 2 },
    } as never);
    await resultOf(url(), 'tx_sendAndWait', sendParams(revoke));
    await until(() => of('mandates').length === 3);
    expect(of('mandates')[2]?.data).toMatchObject({ revoked: true });
  });

  it('ends when it is told to', async () => {
    const { subscription } = await socket.follow('finalBlocks');
    expect((await socket.call('unsubscribe', { subscription })).result).toEqual({});
    expect((await socket.call('unsubscribe', { subscription })).error?.data.code).toBe('NOT_FOUND');
    await fund(url(), alice, 1_000_000n);
    expect(of('finalBlocks')).toEqual([]);
  });

  it.each([
    'nothing',
    'finalBlocks:x',
    'account',
    'account:ait1x',
    'channel:zz',
    'tx:',
    'toString',
    `tx:${'a'.repeat(64)}:b`,
  ])('to the topic %s is refused', async (topic) => {
    const { error } = await socket.call('subscribe', { topic });
    expect(['BAD_REQUEST', 'ADDRESS_INVALID']).toContain(error?.data.code);
  });

  it.each(['x', '1', '-1.0', '99999.0', '1.0.0'])(
    'from the cursor %s is refused',
    async (cursor) => {
      const { error } = await socket.call('subscribe', { topic: 'finalBlocks', cursor });
      expect(error?.data.code).toBe('BAD_REQUEST');
    },
  );

  it('has a limit of its number on one connection', async () => {
    for (let count = 0; count < limits.subscriptionsPerSocket; count += 1) {
      await socket.follow('transactions');
    }
    const { error } = await socket.call('subscribe', { topic: 'transactions' });
    expect(error?.data.code).toBe('BAD_REQUEST');
  });

  it('lets broken frames and batches through the same rules as HTTP', async () => {
    socket.wire.send('{');
    await until(() => socket.answers.some(({ error }) => error?.code === -32700));
    socket.wire.send('[]');
    await until(() => socket.answers.some(({ error }) => error?.code === -32600));
    expect((await socket.call('chain_status')).result.network).toBe('ait-devnet');
  });
});

describe('a cursor', () => {
  it('resumes where the reader stopped, without a gap or a repetition, across a restart', async () => {
    await socket.follow('finalBlocks');
    await socket.follow('transactions');
    await fund(url(), alice, 1_000_000n);
    await pay(11n);
    await until(() => of('transactions').length === 2);
    const seen = heights();
    const blocksCursor = of('finalBlocks').at(-1)?.cursor;
    const txCursor = of('transactions').at(-1)?.cursor;
    socket.close();
    await pay(12n);
    await pay(13n);
    await node.stop();
    node = nodeIn(at);
    await node.start();
    socket = await openSocket(url());
    await socket.follow('finalBlocks', blocksCursor);
    await socket.follow('transactions', txCursor);
    await pay(14n);
    await until(() => of('transactions').length === 3);
    expect(of('transactions').map(({ data }) => data.tx.body.amount)).toEqual(['12', '13', '14']);
    const { height } = await resultOf(url(), 'chain_status');
    await until(() => heights().at(-1) === height);
    const first = (seen.at(-1) as number) + 1;
    expect(heights()).toEqual(
      Array.from({ length: height - first + 1 }, (_, index) => first + index),
    );
  });

  it('of an account brings its present state once, however often it changed', async () => {
    const topic = `account:${addressOf(bob.publicKey)}`;
    const { cursor } = await socket.follow(topic);
    await fund(url(), alice, 1_000_000n);
    await pay(1n);
    await pay(2n);
    await pay(3n);
    const late = await openSocket(url());
    await late.follow(topic, cursor);
    await until(() => late.notifications.length > 0);
    expect(late.notifications.map(({ data }) => data.balance)).toEqual(['6']);
    const next = await openSocket(url());
    await next.follow(topic, late.notifications[0]?.cursor);
    await pay(4n);
    await until(() => next.notifications.length > 0);
    expect(next.notifications.map(({ data }) => data.balance)).toEqual(['10']);
    late.close();
    next.close();
  });

  it('from the very first block brings the whole chain', async () => {
    await fund(url(), alice, 1_000_000n);
    for (let count = 0; count < 70; count += 1) await pay();
    await socket.follow('finalBlocks', '0.0');
    const { height } = await resultOf(url(), 'chain_status');
    await until(() => heights().at(-1) === height);
    expect(heights()).toEqual(Array.from({ length: height + 1 }, (_, index) => index));
    await socket.follow(`account:${addressOf(faucetActor.publicKey)}`, '0.0');
    await until(() => of(`account:${addressOf(faucetActor.publicKey)}`).length === 1);
  });
});

describe('a reader that does not read', () => {
  it('is cut off when its answers pile up, and the node goes on', async () => {
    await fund(url(), alice, 1_000_000_000n);
    const batch = Array.from({ length: limits.rpcBatch }, (_, id) => ({
      jsonrpc: '2.0',
      id,
      method: 'tx_send',
      params: sendParams(transfer(at.network, alice, { to: bob.publicKey, nonce: id })),
    }));
    nonce = limits.rpcBatch;
    await post(url(), JSON.stringify(batch));
    const { tx } = await pay();
    const { receipt } = await resultOf(url(), 'tx_get', { txId: tx.txId });
    const lazy = await openSocket(url());
    lazy.wire.pause();
    const params = { height: receipt.height - 1 };
    for (let count = 0; count < 1_000; count += 1) {
      lazy.wire.send(
        JSON.stringify({ jsonrpc: '2.0', id: count, method: 'chain_getBlock', params }),
      );
    }
    await until(async () => {
      const text = await (await fetch(`${url()}/health/live`)).text();
      return text.includes('live');
    });
    for (let turn = 0; turn < 20; turn += 1) await resultOf(url(), 'mempool_status');
    lazy.wire.resume();
    await until(() => lazy.isClosed() || lazy.answers.length >= 1_000, { timeoutMs: 20_000 });
    expect(lazy.isClosed()).toBe(true);
    expect((await pay()).status).toBe('final');
  });

  it('is cut off when it takes no notification for a while', async () => {
    const sent: string[] = [];
    const closed: string[] = [];
    const source: TopicSource = {
      headHeight: () => 100,
      firstHeight: () => 0,
      blockJson: (height) => JSON.stringify({ height }),
      txCount: () => 0,
      statusJson: () => '{}',
      placeOf: () => undefined,
      touched: () => [],
      touchedIndex: () => undefined,
      entryJson: () => '{}',
      receiverOf: () => undefined,
    };
    const stuck = {
      backlogBytes: limits.socketBacklogBytes,
      sendText: (text: string) => sent.push(text) > 0,
      send: () => true,
      close: (_code: number, reason: string) => closed.push(reason),
    } as unknown as JsonSocket;
    const log = createLog({ name: 'test', level: 'silent' });
    const { open } = createSubscriptions(source, log, { stallMs: 50 });
    const { begin } = open(stuck).subscribe({ topic: 'finalBlocks', cursor: '0.0' });
    begin();
    await until(() => closed.length > 0);
    expect(closed).toEqual(['slow reader']);
    expect(sent).toEqual([]);
  });
});
