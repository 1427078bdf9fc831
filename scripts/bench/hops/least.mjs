/**
 * The least program that pays over two hops and keeps its word after a crash: `node least.mjs gateway|provider`. What a paid
 * answer costs at least on Node, whoever writes it.
 *
 * The gateway writes what it promises into SQLite, signs a voucher over the body, and passes the answer on; the provider checks
 * the signature, writes the job down, asks the engine, counts tokens, signs a receipt over the text and writes it down; the
 * gateway checks it against what came and writes it down. Rows of one turn of the event loop are one commit. One voucher and one
 * receipt for the whole answer: no windows, no failover, no queue, no budget, no mandate, no bound on anything, one channel.
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
const eventStream = { 'content-type': 'text/event-stream' };
const receiptMark = ': receipt ';
const priceNait = 1_000n;

const digestOf = (data) => createHash('sha256').update(data).digest('hex');
const keysOf = (name) =>
  keyPairFromSeed(new Uint8Array(createHash('sha256').update(name).digest()));
const keys = { gateway: keysOf('gateway'), provider: keysOf('provider') };
const store = await openStore(join(process.cwd(), `least-${role}.db`));
let capNait = 0n;
let calls = 0;

const serve = { gateway: buy, provider: sell }[role];
createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const call = { request, response, body: Buffer.concat(parts) };
    serve(call).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
}).listen(0, '127.0.0.1', function ready() {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${this.address().port}` }));
});

async function buy({ response, body }) {
  const { stream } = JSON.parse(body);
  const bodyDigest = digestOf(body);
  calls += 1;
  const job = digestOf(`${bodyDigest} ${calls}`);
  capNait += priceNait;
  const cap = `${capNait}`;
  await store.write(() => store.begin(job));
  const voucher = { job, cap, signature: signed(`${job} ${cap} ${bodyDigest}`) };
  const header = Buffer.from(JSON.stringify(voucher)).toString('base64');
  const out = stream ? createOut(response) : undefined;
  const answer = { text: '', tokens: 0, receipt: undefined };
  await ask({ body, headers: { 'x-voucher': header } }, (line) => {
    if (line.startsWith(receiptMark)) answer.receipt = line.slice(receiptMark.length);
    const text = textIn(line);
    if (!text) return;
    answer.text += text;
    answer.tokens += 1;
    out?.push(lineOf(text));
  });
  const { payload, signature } = JSON.parse(answer.receipt);
  const isTrue = verify(
    bytes(signature),
    Buffer.from(JSON.stringify(payload)),
    keys.provider.publicKey,
  );
  if (!isTrue || payload.textHash !== digestOf(answer.text)) throw new Error('not what came');
  await store.write(() => store.end(job, { tokens: answer.tokens, receipt: answer.receipt }));
  if (out) out.end('data: [DONE]\n\n');
  else sendWhole(response, { job, ...answer });
}

async function sell({ request, response, body }) {
  const voucher = JSON.parse(Buffer.from(request.headers['x-voucher'], 'base64').toString());
  const { job, cap, signature } = voucher;
  const bodyDigest = digestOf(body);
  const said = Buffer.from(`${job} ${cap} ${bodyDigest}`);
  if (!verify(bytes(signature), said, keys.gateway.publicKey)) throw new Error('not paid');
  await store.write(() => store.begin(job));
  const asked = { ...JSON.parse(body), stream: true };
  const out = createOut(response);
  let text = '';
  let tokens = 0;
  await ask({ body: JSON.stringify(asked), headers: {} }, (line) => {
    const part = textIn(line);
    if (!part) return;
    text += part;
    tokens += 1;
    out.push(lineOf(part));
  });
  const terms = { network: bodyDigest, offerId: bodyDigest, channelId: bodyDigest, bodyDigest };
  const what = { job, from: 0, to: tokens, textHash: digestOf(text), outcome: 'complete' };
  const payload = { v: 1, ...terms, ...what, charged: cap, model: asked.model, atMs: Date.now() };
  const receipt = JSON.stringify({ payload, signature: signed(JSON.stringify(payload)) });
  capNait = BigInt(cap);
  await store.write(() => store.end(job, { tokens, receipt }));
  out.end(`${receiptMark}${receipt}\n\ndata: [DONE]\n\n`);
}

/** Posts upstream and gives the lines of the answer. */
function ask({ body, headers }, onLine) {
  let rest = '';
  const call = { origin: upstream.origin, path, method: 'POST', body };
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
    end(job, { tokens, receipt }) {
      update.run(tokens, job);
      keep.run(receipt);
    },
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
