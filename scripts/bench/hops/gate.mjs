/**
 * A plain paid gate on node:http: the least that anybody could write to be paid before the engine works. It reads the body,
 * checks that the voucher in a header is for this body and raises the cap of its channel by enough, checks one
 * Ed25519 signature, writes the cap down in memory, forwards the request and counts the tokens of a stream as they pass.
 * No receipt, no windows, no journal, no queue, nothing on disk: what is lost in a crash is lost.
 */
import { createHash } from 'node:crypto';
import { Agent, createServer, request } from 'node:http';
import { verify } from '@aitbc/primitives';

const engineUrl = new URL(process.env.AITBC_BENCH_ENGINE);
const agent = new Agent({ keepAlive: true, maxSockets: 1_024 });
const pricePerCall = 1_000n;
const tokenMark = Buffer.from('data: ');
const books = new Map();

const server = createServer(async (incoming, response) => {
  const parts = [];
  for await (const part of incoming) parts.push(part);
  const body = Buffer.concat(parts);
  const book = admit(incoming.headers['x-voucher'], body);
  if (!book) {
    response.writeHead(402).end();
    return;
  }
  forward({ incoming, response, body, book });
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});

/** The book of the channel, with the new cap in it; undefined when the voucher is not good enough. */
function admit(header, body) {
  if (typeof header !== 'string') return undefined;
  const { channel, cap, signature } = JSON.parse(Buffer.from(header, 'base64').toString());
  const book = books.get(channel) ?? { cap: 0n, tokens: 0 };
  if (BigInt(cap) < book.cap + pricePerCall) return undefined;
  const digest = createHash('sha256').update(body).digest('hex');
  const signed = Buffer.from(`${channel} ${cap} ${digest}`);
  if (!verify(Buffer.from(signature, 'hex'), signed, Buffer.from(channel, 'hex'))) return undefined;
  book.cap = BigInt(cap);
  books.set(channel, book);
  return book;
}

function forward({ incoming, response, body, book }) {
  const { method, url, headers } = incoming;
  const options = { agent, method, path: url, headers: { ...headers, host: engineUrl.host } };
  const upstream = request(engineUrl, options, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.on('data', (chunk) => {
      for (let at = chunk.indexOf(tokenMark); at >= 0; at = chunk.indexOf(tokenMark, at + 1)) {
        book.tokens += 1;
      }
      response.write(chunk);
    });
    answer.on('end', () => response.end());
  });
  upstream.on('error', () => response.destroy());
  response.on('close', () => upstream.destroy());
  upstream.end(body);
}
