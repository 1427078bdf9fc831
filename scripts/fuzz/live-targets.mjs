/**
 * Targets of a live node: a process of its own on loopback. After every case it must answer an ordinary request and be
 * the same process. A case here is at most `caseMs` with that request in it, answers over the network included.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { base64, keyPairFromSeed } from '@aitbc/primitives';
import { encodeTxBatch, nodeRpc } from '@aitbc/protocol';
import { createGenesis, startNetwork } from '../bench/lib/brother-chain.mjs';
import { createRpcClient } from '../bench/lib/rpc-client.mjs';
import { demand, Violation } from './check.mjs';
import { mutateBytes, mutateJson } from './mutate.mjs';
import { randomOf } from './random.mjs';

// The client library of the SDK; a script belongs to no package that could declare it.
const sdk = createRequire(new URL('../../packages/sdk/package.json', import.meta.url));
const { WebSocket } = sdk('ws');

const caseMs = 2_000;
const answerMs = 5_000;
const quietMs = 40; // how long a stranger's connection stays open for an answer
const url = new URL('../../apps/node/dist/mesh/certificate.js', import.meta.url);
const encoder = new TextEncoder();
const surprising = /"error":\{[^{}]*"code":\s*(?:"INTERNAL"|-32603)/;

/** All of them; the node is started by the first that runs. `undo` gets the steps that stop it. */
export function liveTargets(corpus, { internals, undo }) {
  const live = createLive(undo);
  const targets = [
    httpTarget(corpus, live),
    rawHttpTarget(live),
    socketTarget(corpus, live),
    meshTcpTarget(live),
    meshTlsTarget(corpus, { live, internals }),
  ];
  return targets.map((target) => ({
    ...{ ...target, isLive: true, caseMs },
    async start() {
      await live.start();
      await target.start?.();
    },
    async check(bytes) {
      const isAccepted = await target.check(bytes);
      await live.demandAlive();
      return isAccepted;
    },
  }));
}

function createLive(undo) {
  let node;
  let client;
  let pid;
  let meshPort;
  let network;
  return {
    url: () => node.url,
    meshPort: () => meshPort,
    network: () => network,
    async start() {
      if (node) return;
      const folder = mkdtempSync(join(tmpdir(), 'aitbc-fuzz-'));
      undo.push(() => rmSync(folder, { recursive: true, force: true }));
      const genesis = createGenesis({
        folder: join(folder, 'genesis'),
        validators: 2,
        accounts: [],
      });
      const started = await startNetwork({ genesis, folder, undo });
      [node] = started.nodes;
      network = genesis.network;
      meshPort = Number(started.peers[0].split(':').at(-1));
      pid = node.pid;
      client = createRpcClient({ url: node.url, connections: 1 });
      undo.push(client.close);
    },
    async demandAlive() {
      const status = await within(client.call('chain_status'), 'an ordinary request');
      demand(Number.isSafeInteger(status.height), 'an ordinary request has no answer');
      const { child } = node;
      demand(child.pid === pid && child.exitCode === null && child.signalCode === null, 'it ended');
    },
  };
}

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Violation(`${what} is not answered`)), answerMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Requests of every method, with parameters that some of them take. */
function requests({ txs, publicKey }) {
  const address = 'ait132yw8ht5p8cetl2jmvknewjawt9xwzdlrk2pyxlnwjyqrdq0dawq6d55ax';
  const params = [
    ...[{}, { height: 1 }, { address }, { tx: base64(txs[0]) }, { txs: txs.map(base64) }],
    ...[
      { topic: `account:${address}` },
      { id: publicKey },
      { hash: publicKey },
      { from: 0, to: 9 },
    ],
  ];
  const methods = [...Object.keys(nodeRpc), 'subscribe', 'unsubscribe'];
  const single = methods.flatMap((method, id) =>
    params.map((some) => ({ jsonrpc: '2.0', id, method, params: some })),
  );
  return [...single, single.slice(0, 12)];
}

function httpTarget(corpus, live) {
  const samples = requests(corpus);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    name: 'live http',
    mutate: (random) => mutateJson(random, samples),
    async check(bytes) {
      const { status, text } = await within(post({ url: live.url(), agent, bytes }), 'a post');
      demand(status < 500 || status === 503, `it answers ${status}: ${text.slice(0, 300)}`);
      demand(!surprising.test(text), `it is surprised: ${text.slice(0, 300)}`);
      return text.includes('"result"');
    },
  };
}

function post({ url: to, agent, bytes }) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': bytes.length };
    const outgoing = request(to, { method: 'POST', agent, headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode, text: Buffer.concat(parts).toString('utf8') }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}

function rawHttpTarget(live) {
  const body = '{"jsonrpc":"2.0","id":1,"method":"chain_status","params":{}}';
  const json = `Host: a\r\nContent-Type: application/json\r\n`;
  const samples = [
    `POST / HTTP/1.1\r\n${json}Content-Length: ${body.length}\r\n\r\n${body}`,
    `POST / HTTP/1.1\r\n${json}Transfer-Encoding: chunked\r\n\r\n3c\r\n${body}\r\n0\r\n\r\n`,
    'GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    'OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x05hello',
  ].map((text) => new Uint8Array(Buffer.from(text, 'latin1')));
  return {
    name: 'live http bytes',
    mutate: (random) => mutateBytes(random, samples),
    async check(bytes) {
      const port = Number(new URL(live.url()).port);
      const answer = await talk(connectTcp(port, '127.0.0.1'), { bytes, ready: 'connect' });
      const [, status] = /^HTTP\/1\.1 (\d+)/.exec(answer.toString('latin1')) ?? [];
      demand(!(Number(status) === 500), `it answers ${answer.toString('latin1').slice(0, 400)}`);
      return Number(status) < 400;
    },
  };
}

/** Writes bytes to a fresh connection; resolves with what came back until it was silent or closed. */
function talk(socket, { bytes, ready }) {
  const parts = [];
  return new Promise((resolve, reject) => {
    let timer;
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(parts));
    };
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(finish, quietMs);
    };
    timer = setTimeout(finish, answerMs);
    socket.on('error', (error) => {
      if (error.code === 'ECONNREFUSED') reject(new Violation('nobody listens'));
      finish();
    });
    socket.on('close', finish);
    socket.on('data', (part) => {
      parts.push(part);
      wait();
    });
    socket.once(ready, () => {
      socket.write(bytes);
      wait();
    });
  });
}

const marker = 'fuzz-marker';

/** The first byte says whether the others go as a binary frame (0) or as text; both are followed by an ordinary request. */
function socketTarget(corpus, live) {
  const texts = requests(corpus);
  const frames = [1, 5].map((count) =>
    encodeTxBatch({ requestId: count, txs: corpus.txs.slice(0, count) }),
  );
  let socket;
  let onAnswer = () => {};
  return {
    name: 'live websocket',
    mutate: (random) =>
      random.below(3) === 0
        ? new Uint8Array([0, ...mutateBytes(random, frames)])
        : new Uint8Array([1, ...mutateJson(random, texts)]),
    async check(bytes) {
      socket ??= await openRaw(live.url(), (message) => onAnswer(message));
      const heard = [];
      const isOver = new Promise((resolve) => {
        onAnswer = (text) => {
          heard.push(text ?? '');
          if (text === undefined) socket = undefined;
          if (text === undefined || text.includes(marker)) resolve();
        };
      });
      const content = bytes.subarray(1);
      socket.send(bytes[0] === 0 ? content : Buffer.from(content).toString());
      const ordinary = { jsonrpc: '2.0', id: marker, method: 'chain_status', params: {} };
      socket?.send(JSON.stringify(ordinary));
      await within(isOver, 'a WebSocket');
      const surprise = heard.find((text) => surprising.test(text));
      demand(!surprise, `it is surprised: ${surprise}`);
      return heard.some((text) => text.includes('"result"') && !text.includes(marker));
    },
  };
}

/** A WebSocket that gives texts, and undefined when it closes. */
async function openRaw(to, onText) {
  const socket = new WebSocket(to.replace('http', 'ws'));
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  socket.onmessage = ({ data }) => onText(typeof data === 'string' ? data : '');
  socket.onerror = () => {};
  socket.onclose = () => onText(undefined);
  return socket;
}

function meshTcpTarget(live) {
  let samples;
  return {
    name: 'live mesh bytes',
    async start() {
      samples = [await clientHello(), encoder.encode('GET / HTTP/1.1\r\nHost: mesh\r\n\r\n')];
    },
    mutate: (random) => mutateBytes(random, samples),
    async check(bytes) {
      const socket = connectTcp(live.meshPort(), '127.0.0.1');
      const answer = await talk(socket, { bytes, ready: 'connect' });
      return answer[0] === 0x16; // a TLS handshake record; an alert is a refusal
    },
  };
}

/** First words of a real TLS client. */
async function clientHello() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const got = new Promise((resolve) => {
    server.once('connection', (socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', (data) => {
        socket.destroy();
        resolve(new Uint8Array(data));
      });
    });
  });
  const client = connectTls({ port: server.address().port, host: '127.0.0.1' });
  client.on('error', () => client.destroy());
  const bytes = await got;
  client.destroy();
  await new Promise((resolve) => server.close(resolve));
  return bytes;
}

/** Inside TLS, each time as another stranger: hello and messages, mutated, cut or as they are. */
function meshTlsTarget({ mesh }, { live, internals }) {
  const { encodeHello, encodeFrame, createFrameReader } = internals.frames;
  let samples;
  let tlsIdentityOf;
  let strangers = 0;
  return {
    name: 'live mesh hello',
    async start() {
      ({ tlsIdentityOf } = await import(url.href));
      const { genesisHash } = live.network();
      const hello = encodeHello({ version: 1, genesisHash, instance: 7, host: '', port: 0 });
      const messages = mesh.map((bytes) => Buffer.concat([hello, encodeFrame('message', bytes)]));
      const ping = Buffer.concat([hello, encodeFrame('ping', new Uint8Array(8))]);
      samples = [hello, ping, ...messages].map((bytes) => new Uint8Array(bytes));
    },
    mutate: (random) => mutateBytes(random, samples),
    async check(bytes) {
      strangers += 1;
      const keys = keyPairFromSeed(randomOf('stranger', process.pid, strangers).bytes(32));
      const to = { port: live.meshPort(), host: '127.0.0.1', rejectUnauthorized: false };
      const socket = connectTls({ ...to, ...tlsIdentityOf(keys) });
      const reader = createFrameReader();
      reader.push(await talk(socket, { bytes, ready: 'secureConnect' }));
      const kinds = [];
      for (let next = reader.next(2 ** 24); next?.ok; next = reader.next(2 ** 24)) {
        kinds.push(next.value.kind);
      }
      return kinds.includes('hello') && !kinds.includes('bye');
    },
  };
}
