/** Abuses of one node over HTTP and WebSocket. Each goes on until the signal, and counts what it is answered. */
import { type RequestOptions, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { base64, randomBytes } from '@aitbc/primitives';
import { decodeTxReply, encodeTxBatch, limits, rpcTopics } from '@aitbc/protocol';
import { frameHead, opcodes, openRawSocket } from './raw-socket.ts';

/** Answers by their code. */
export type Tally = Map<string, number>;

/** One abuse: counts into `tally` until `signal` aborts. */
export type Abuse = (tally: Tally, signal: AbortSignal) => Promise<void>;

/** Counts an answer. */
export function count(tally: Tally, code: string, times = 1): void {
  tally.set(code, (tally.get(code) ?? 0) + times);
}

const framesAhead = 4;
const frameTxs = 250;

/** Signed transactions in binary frames, as fast as they are answered, from the beginning again at their end. */
export function floodTransactions(url: string, txs: readonly Uint8Array[]): Abuse {
  return async (tally, signal) => {
    const socket = await openRawSocket(url);
    let at = 0;
    const sendOne = (): Promise<void> => {
      const part = Array.from({ length: frameTxs }, () => txs[at++ % txs.length] as Uint8Array);
      return socket.send(opcodes.bytes, encodeTxBatch({ requestId: 1, txs: part }));
    };
    for (let ahead = 0; ahead < framesAhead; ahead += 1) await sendOne();
    while (!signal.aborted) {
      const answer = await socket.next();
      if (!answer) return count(tally, `closed ${await socket.closed}`);
      const { ok, value } = replyOf(answer);
      if (!ok) count(tally, value);
      else for (const code of value) count(tally, code);
      await sendOne();
    }
    socket.stream.destroy();
  };
}

type Reply = { ok: true; value: readonly string[] } | { ok: false; value: string };

function replyOf(bytes: Uint8Array): Reply {
  const reply = decodeTxReply(bytes);
  if (!reply.ok) return { ok: false, value: reply.code };
  if ('fault' in reply.value) return { ok: false, value: reply.value.fault.code };
  return { ok: true, value: reply.value.outcomes.map(({ code }) => code ?? 'taken') };
}

const rpc = (method: string, params: unknown = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });

const malformedBodies: readonly (string | Uint8Array)[] = [
  ...['', '{', '[]', 'null', '[1,2,3]', '{"jsonrpc":"2.0"}', '['.repeat(100_000)],
  ...[rpc('nothing'), rpc('__proto__'), rpc('tx_send', { tx: '@@@' }), rpc('tx_get', [])],
  rpc('tx_send', { tx: base64(randomBytes(300)) }),
  rpc('chain_status', { ['__proto__']: { polluted: true } }),
  `[${Array.from({ length: limits.rpcBatch + 1 }, () => rpc('chain_status')).join()}]`,
  randomBytes(5_000),
];

/** Bodies that are no requests, over HTTP and as frames, and bytes that are not even HTTP. */
export function sendMalformed(url: string): Abuse {
  return async (tally, signal) => {
    for (let at = 0; !signal.aborted; at += 1) {
      const body = malformedBodies[at % malformedBodies.length] as string;
      count(tally, await post(url, body));
      if (at % malformedBodies.length !== 0) continue;
      count(tally, `bytes: ${await sendGarbage(url)}`);
      await sendMalformedFrames(url, tally);
    }
  };
}

async function sendMalformedFrames(url: string, tally: Tally): Promise<void> {
  const socket = await openRawSocket(url);
  for (const body of malformedBodies) {
    if (body.length === 0) continue;
    await socket.send(opcodes.text, Buffer.from(body));
    count(tally, `frame: ${codeIn((await socket.next())?.toString() ?? '') ?? 'closed'}`);
  }
  await socket.send(opcodes.bytes, randomBytes(1_000));
  const answer = await socket.next();
  const code = answer && replyOf(answer).value;
  count(tally, `bytes frame: ${code ?? 'closed'}`);
  await socket.send(15, randomBytes(10)); // an opcode that does not exist
  count(tally, `bad opcode: ${await socket.closed}`);
}

const answerMs = 10_000;

/** Status and code of the answer. On a connection of its own: the node ends those of abusers. */
function post(url: string, body: string | Uint8Array): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  return ask(url, { method: 'POST', headers }, Buffer.from(body));
}

function ask(url: string, options: RequestOptions, body?: Uint8Array): Promise<string> {
  const signal = AbortSignal.timeout(answerMs);
  return new Promise((resolve) => {
    const asking = request(url, { ...options, signal, agent: false });
    asking.on('error', () => resolve(signal.aborted ? 'no answer' : 'connection ended'));
    asking.on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
      });
      answer.on('error', () => resolve(`${answer.statusCode} cut`));
      answer.on('end', () => resolve(`${answer.statusCode} ${codeIn(text) ?? ''}`.trim()));
    });
    asking.end(body);
  });
}

/** The first code of an error in an answer, undefined when it has none. */
function codeIn(text: string): string | undefined {
  return /"code":"([A-Z_]+)"/.exec(text)?.[1];
}

/** Random bytes on the port of HTTP; the first line of the answer. */
function sendGarbage(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    let line = '';
    socket.on('data', (chunk: Buffer) => {
      line ||= chunk.toString('latin1').split('\r\n')[0] ?? '';
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(line || 'closed'));
    socket.write(Buffer.from(randomBytes(2_000)));
    socket.write('\r\n\r\n');
  });
}

const hugeBytes = 64 * 1_048_576;

/** Bodies, headers and frames above their limits: with a length, without one, and only claimed. */
export function sendOversized(url: string): Abuse {
  return async (tally, signal) => {
    const body = new Uint8Array(2 * limits.bodyBytes).fill(0x20);
    while (!signal.aborted) {
      count(tally, `body: ${await post(url, body)}`);
      count(tally, `endless body: ${await sendEndless(url)}`);
      const headers = { 'x-large': 'a'.repeat(100_000) };
      count(tally, `header: ${await ask(url, { headers })}`);
      const socket = await openRawSocket(url);
      await socket.send(opcodes.text, body);
      count(tally, `frame: ${await socket.closed}`);
      const claiming = await openRawSocket(url);
      claiming.stream.write(frameHead(opcodes.bytes, 2 ** 40));
      count(tally, `claimed 1 TiB: ${await claiming.closed}`);
    }
  };
}

/** A chunked body that goes on as long as the node reads; the status and how much it took. */
function sendEndless(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const chunk = Buffer.from(`10000\r\n${' '.repeat(65_536)}\r\n`);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    let status = 'cut';
    const more = (): void => {
      if (socket.bytesWritten > hugeBytes) {
        status = 'it took all';
        socket.destroy();
      } else if (!socket.destroyed) socket.write(chunk, () => setImmediate(more));
    };
    socket.on('data', (answer: Buffer) => {
      status = answer.toString('latin1').split(' ')[1] ?? 'cut';
      socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(status));
    const head = ['POST / HTTP/1.1', 'host: node', 'content-type: application/json'];
    socket.write([...head, 'transfer-encoding: chunked', '', ''].join('\r\n'), more);
  });
}

/** Readers of every transaction from the first block on that take nothing; a cut one comes again. */
export function neverRead(url: string): Abuse {
  return async (tally, signal) => {
    while (!signal.aborted) {
      const { stream, send, closed } = await openRawSocket(url);
      for (let topics = 0; topics < 20; topics += 1) {
        const params = { topic: rpcTopics.transactions, cursor: '1.0' };
        await send(opcodes.text, Buffer.from(rpc('subscribe', params)));
      }
      stream.pause();
      count(tally, 'subscribed', 20);
      const stop = () => stream.destroy();
      signal.addEventListener('abort', stop, { once: true });
      // A paused stream does not see its end; writing into it does.
      const knocking = setInterval(() => void send(opcodes.ping, new Uint8Array(1)), 250);
      await closed;
      clearInterval(knocking);
      signal.removeEventListener('abort', stop);
      count(tally, signal.aborted ? 'still open' : 'cut');
    }
  };
}

/** Connections that say nothing: half of them TCP, half of them WebSockets. */
export function stayIdle(url: string, connections: number): Abuse {
  return async (tally, signal) => {
    const { hostname, port } = new URL(url);
    const plain = Array.from({ length: connections / 2 }, () => {
      const socket = connect({ host: hostname, port: Number(port) });
      return socket.on('error', () => socket.destroy());
    });
    const sockets = await Promise.all(
      Array.from({ length: connections / 2 }, () => openRawSocket(url)),
    );
    while (!signal.aborted) await sleep(50);
    const all = [...plain, ...sockets.map(({ stream }) => stream)];
    for (const one of all) {
      count(tally, one.destroyed ? 'ended' : 'still open');
      one.destroy();
    }
  };
}
