import { encodeTxReply, limits, type TxReply } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import type { OpenSocket, SocketEvents } from '../http/transport.ts';
import { createTxBatches } from './tx-batches.ts';

const txId = '11'.repeat(32);
const tx = Uint8Array.of(1, 2, 3);

/** A node that answers by hand. */
function createFakeNode() {
  const frames: Uint8Array[] = [];
  const opened: SocketEvents[] = [];
  const openSocket: OpenSocket = (_url, events) => {
    opened.push(events);
    return {
      send: (message) => void frames.push(message as Uint8Array),
      close: () => events.onClose('closed by us'),
    };
  };
  const idOf = (frame: Uint8Array | undefined) => (frame ? Buffer.from(frame).readUInt32BE(1) : -1);
  const reply = (one: Omit<TxReply, 'requestId'>, at = frames.length - 1) =>
    opened.at(-1)?.onBytes?.(encodeTxReply({ requestId: idOf(frames[at]), ...one } as TxReply));
  return { frames, opened, openSocket, reply };
}

const batchesOf = (openSocket: OpenSocket, timeoutMs = 5_000) =>
  createTxBatches({ url: 'ws://node', timeoutMs }, openSocket);
const sent = () => new Promise((resolve) => setImmediate(resolve));

describe('batches of bytes', () => {
  it('wait for the connection, share it, and take their answers in any order', async () => {
    const { frames, opened, openSocket, reply } = createFakeNode();
    const { send } = batchesOf(openSocket);
    const both = [send([tx]), send([tx, tx])];
    await sent();
    expect([opened.length, frames.length]).toEqual([1, 0]);
    opened[0]?.onOpen();
    await sent();
    expect(frames).toHaveLength(2);
    reply({ outcomes: [{ txId }, { code: 'TX_SELF' }] } as never, 1);
    reply({ outcomes: [{ txId }] } as never, 0);
    expect(await Promise.all(both)).toEqual([[{ txId }], [{ txId }, { code: 'TX_SELF' }]]);
  });

  it('are UNAVAILABLE when the connection is lost, and the next one connects again', async () => {
    const { opened, openSocket } = createFakeNode();
    const { send, close } = batchesOf(openSocket);
    const lost = send([tx]);
    await sent();
    opened[0]?.onClose('ECONNREFUSED');
    await expect(lost).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const next = send([tx]);
    await sent();
    expect(opened).toHaveLength(2);
    close();
    await expect(next).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('end when time is over or the caller has gone', async () => {
    const { openSocket } = createFakeNode();
    await expect(batchesOf(openSocket, 5).send([tx])).rejects.toMatchObject({ code: 'TIMEOUT' });
    const gone = new AbortController();
    const waiting = batchesOf(openSocket).send([tx], gone.signal);
    gone.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('that do not fit are refused before anything is sent', async () => {
    const { opened, openSocket } = createFakeNode();
    const { send } = batchesOf(openSocket);
    const many = Array.from({ length: limits.frameTxs + 1 }, () => tx);
    const large = [new Uint8Array(limits.bodyBytes)];
    for (const [txs, code] of [
      [[], 'BAD_REQUEST'],
      [many, 'BAD_REQUEST'],
      [large, 'PAYLOAD_TOO_LARGE'],
    ] as const) {
      await expect(async () => send(txs)).rejects.toMatchObject({ code });
    }
    expect(opened).toHaveLength(0);
    const waiting = Array.from({ length: 16 }, () => send([tx]));
    await expect(send([tx])).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    opened[0]?.onClose('end');
    await Promise.allSettled(waiting);
  });

  it('pass on a fault, and believe no answer that does not fit', async () => {
    const { opened, openSocket, reply } = createFakeNode();
    const { send } = batchesOf(openSocket);
    const faulty = send([tx]);
    opened[0]?.onOpen();
    await sent();
    reply({ fault: { code: 'BAD_REQUEST', reason: 'no' } } as never);
    await expect(faulty).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    const short = send([tx]);
    await sent();
    reply({ outcomes: [] } as never);
    await expect(short).rejects.toMatchObject({ code: 'ANSWER_INVALID' });
    const strange = send([tx]);
    await sent();
    opened[0]?.onBytes?.(Uint8Array.of(9, 9));
    await expect(strange).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
