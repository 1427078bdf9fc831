/**
 * The least program that pays over two hops and keeps its word after a crash: `node least.mjs gateway|provider`. What a paid
 * answer costs at least on Node, whoever writes it.
 *
 * The gateway writes what it promises into SQLite, signs a voucher over the body, and passes the answer on; the provider checks
 * the signature, writes the job down, asks the engine, counts tokens, signs a receipt over each window of text and writes it down;
 * the gateway checks each against what came and writes it down. While a window is left it signs for the next one; the provider
 * holds back what no voucher covers. Rows of one turn of the event loop are one commit, vouchers of one turn one call. No failover,
 * no queue, no budget, no mandate, no bound on anything, one channel, one dialect, and nothing that comes is checked for its shape.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { hex, keyPairFromSeed, sign, verify } from '@aitbc/primitives';
import { openSqlite } from '@aitbc/service';

const { Agent } = createRequire(new URL('../../../packages/sdk/package.json', import.meta.url))(
  'undici',
);
const role = process.argv[2];
const upstream = new URL(process.env.AITBC_BENCH_ENGINE);
const agent = new Agent({ connections: 1_024 });
const path = '/v1/chat/completions';
const vouchersPath = '/vouchers';
const eventStream = { 'content-type': 'text/event-stream' };
const receiptMark = ': receipt ';
const windowTokens = 16;
const aheadTokens = 2 * windowTokens;
const priceNait = 1_000n;

const digestOf = (data) => createHash('sha256').update(data).digest('hex');
const keysOf = (name) =>
  keyPairFromSeed(new Uint8Array(createHash('sha256').update(name).digest()));
const keys = { gateway: keysOf('gateway'), provider: keysOf('provider') };
const store = await openStore(join(process.cwd(), `least-${role}.db`));
let capNait = 0n;
let calls = 0;
/** Jobs of the provider that run. */
const running = new Map();

const serve = { gateway: buy, provider: sell }[role];
createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const call = { request, response, body: Buffer.concat(parts) };
    (request.url === vouchersPath ? extend : serve)(call).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
}).listen(0, '127.0.0.1', function ready() {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${this.address().port}` }));
});

async function buy({ response, body }) {
  const { stream, max_tokens: most } = JSON.parse(body);
  const bodyDigest = digestOf(body);
  calls += 1;
  const job = digestOf(`${bodyDigest} ${calls}`);
  let covered = Math.min(aheadTokens, most);
  const subject = { job, bodyDigest };
  const voucher = await promise(subject, covered, () => store.begin(job));
  const header = Buffer.from(JSON.stringify(voucher)).toString('base64');
  const out = stream ? createOut(response) : undefined;
  const texts = [];
  const writing = [];
  await ask({ path, body, headers: { 'x-voucher': header } }, (line) => {
    if (line.startsWith(receiptMark)) {
      const receipt = line.slice(receiptMark.length);
      assertTrue(receipt, texts);
      writing.push(store.write(() => store.keep(receipt)));
    }
    const text = textIn(line);
    if (!text) return;
    texts.push(text);
    out?.push(lineOf(text));
    if (covered - texts.length >= windowTokens || covered >= most) return;
    covered += windowTokens;
    writing.push(promise(subject, covered, () => {}).then(post));
  });
  writing.push(store.write(() => store.end(job, texts.length)));
  await Promise.all(writing);
  if (out) out.end('data: [DONE]\n\n');
  else sendWhole(response, { job, text: texts.join(''), tokens: texts.length });
}

/** A voucher, written down before it is signed. */
async function promise({ job, bodyDigest }, tokens, work) {
  capNait += priceNait;
  const cap = `${capNait}`;
  await store.write(work);
  return { job, cap, tokens, signature: signed(`${job} ${cap} ${tokens} ${bodyDigest}`) };
}

let posting;
/** Vouchers of one turn go in one call. */
function post(voucher) {
  if (posting) posting.push(voucher);
  else {
    posting = [voucher];
    setImmediate(() => {
      const body = JSON.stringify(posting);
      posting = undefined;
      ask({ path: vouchersPath, body, headers: {} }, () => {}).catch(console.error);
    });
  }
}

function assertTrue(receipt, texts) {
  const { payload, signature } = JSON.parse(receipt);
  const said = Buffer.from(JSON.stringify(payload));
  const text = texts.slice(payload.from, payload.to).join('');
  const isTrue = verify(bytes(signature), said, keys.provider.publicKey);
  if (!isTrue || payload.textHash !== digestOf(text)) throw new Error('not what came');
}

async function sell({ request, response, body }) {
  const voucher = JSON.parse(Buffer.from(request.headers['x-voucher'], 'base64').toString());
  const { job } = voucher;
  const bodyDigest = digestOf(body);
  const asked = { ...JSON.parse(body), stream: true };
  const state = { bodyDigest, covered: 0, held: [], signedTo: 0, tokens: 0, text: '', writing: [] };
  const out = createOut(response);
  await cover(state, voucher, () => store.begin(job));
  const sign = () => {
    const receipt = receiptOf(job, state, asked.model);
    state.writing.push(
      store.write(() => store.keep(receipt)).then(() => out.push(`${receiptMark}${receipt}\n\n`)),
    );
  };
  state.release = () => {
    while (state.held.length > 0 && state.tokens < state.covered) {
      const part = state.held.shift();
      state.text += part;
      state.tokens += 1;
      out.push(lineOf(part));
      if (state.tokens - state.signedTo === windowTokens) sign();
    }
  };
  running.set(job, state);
  await ask({ path, body: JSON.stringify(asked), headers: {} }, (line) => {
    const part = textIn(line);
    if (!part) return;
    state.held.push(part);
    state.release();
  });
  while (state.held.length > 0) await new Promise((resolve) => setImmediate(resolve));
  if (state.tokens > state.signedTo) sign();
  state.writing.push(store.write(() => store.end(job, state.tokens)));
  await Promise.all(state.writing);
  running.delete(job);
  out.end('data: [DONE]\n\n');
}

async function extend({ response, body }) {
  const vouchers = JSON.parse(body).filter(({ job }) => running.has(job)); // one may have ended
  await Promise.all(vouchers.map((voucher) => cover(running.get(voucher.job), voucher, () => {})));
  sendJson(response, '{}');
}

/** Checks a voucher and writes its cap down; then what it covers may go. */
async function cover(state, { job, cap, tokens, signature }, work) {
  const said = Buffer.from(`${job} ${cap} ${tokens} ${state.bodyDigest}`);
  if (!verify(bytes(signature), said, keys.gateway.publicKey)) throw new Error('not paid');
  const nait = BigInt(cap);
  if (nait > capNait) capNait = nait;
  await store.write(work);
  state.covered = Math.max(state.covered, tokens);
  state.release?.();
}

function receiptOf(job, state, model) {
  const { bodyDigest, signedTo: from, tokens: to, text } = state;
  state.text = '';
  state.signedTo = to;
  const terms = { network: bodyDigest, offerId: bodyDigest, channelId: bodyDigest, bodyDigest };
  const what = { job, from, to, textHash: digestOf(text), outcome: 'running' };
  const payload = { v: 1, ...terms, ...what, charged: `${capNait}`, model, atMs: Date.now() };
  return JSON.stringify({ payload, signature: signed(JSON.stringify(payload)) });
}

/** Posts upstream and gives the lines of the answer. */
function ask({ path: to, body, headers }, onLine) {
  let rest = '';
  const call = { origin: upstream.origin, path: to, method: 'POST', body };
  return new Promise((resolve, reject) => {
    agent.dispatch(
      { ...call, headers: { 'content-type': 'application/json', ...headers } },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData(_controller, chunk) {
          const lines = (rest + chunk.toString()).split('\n');
          rest = lines.pop();
          for (const line of lines) onLine(line);
        },
        onResponseEnd: resolve,
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}

function textIn(line) {
  if (!line.startsWith('data: {')) return undefined;
  return JSON.parse(line.slice(6)).choices?.[0]?.delta?.content;
}

function lineOf(content) {
  return `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
}

/** One write for what one turn of the event loop brings. */
function createOut(response) {
  let waiting = '';
  let isDue = false;
  response.writeHead(200, eventStream);
  const flush = () => {
    isDue = false;
    if (waiting !== '') response.write(waiting);
    waiting = '';
  };
  return {
    push(text) {
      waiting += text;
      if (!isDue) setImmediate(flush);
      isDue = true;
    },
    end(text) {
      response.end(waiting + text);
      waiting = '';
    },
  };
}

function sendWhole(response, { job, text, tokens }) {
  const choices = [{ index: 0, message: { role: 'assistant', content: text } }];
  const body = JSON.stringify({ id: job, choices, usage: { completion_tokens: tokens } });
  sendJson(response, body);
}

function sendJson(response, body) {
  const length = { 'content-length': Buffer.byteLength(body) };
  response.writeHead(200, { 'content-type': 'application/json', ...length }).end(body);
}

function signed(text) {
  return hex(sign(Buffer.from(text), keys[role].secretKey));
}

function bytes(text) {
  return Buffer.from(text, 'hex');
}

async function openStore(file) {
  const sqlite = await openSqlite(file, { durability: 'normal' });
  sqlite.exec(`
    create table jobs (no integer primary key, id text unique, tokens integer);
    create table receipts (no integer primary key, receipt text);
    create table channel (id text primary key, cap text);
    insert into channel values ('one', '0');
  `);
  const insert = sqlite.prepare('insert into jobs values (null, ?, null)');
  const update = sqlite.prepare('update jobs set tokens = ? where id = ?');
  const keep = sqlite.prepare('insert into receipts values (null, ?)');
  const raise = sqlite.prepare("update channel set cap = ? where id = 'one'");
  let turn;
  return {
    begin: (job) => insert.run(job),
    keep: (receipt) => keep.run(receipt),
    end: (job, tokens) => update.run(tokens, job),
    /** Resolves when the turn that holds this work is committed. */
    write(work) {
      if (!turn) {
        sqlite.exec('begin immediate');
        turn = new Promise((resolve) => setImmediate(resolve)).then(() => {
          turn = undefined;
          raise.run(`${capNait}`);
          sqlite.exec('commit');
        });
      }
      work();
      return turn;
    },
  };
}
