/** HTTP that no honest client speaks: odd heads, lengths that lie, chunks, compression, smuggling, pipelines. */
import { gzipSync } from 'node:zlib';

const bombMb = 8;
let bomb; // made once; the same bytes each time

/** A case of odd bytes around a request. */
export function hostileBytes(random, request) {
  const makers = [
    typed,
    typed,
    chunked,
    chunked,
    lying,
    doubled,
    zipped,
    odd,
    odd,
    half,
    many,
    bare,
  ];
  const { bytes, isWhole } = random.pick(makers)(random, request);
  return new Uint8Array(Buffer.concat([Buffer.from([isWhole ? 1 : 0]), bytes]));
}

function build({ method, path }, { heads = [], body = Buffer.alloc(0), version = 'HTTP/1.1' }) {
  const lines = [`${method} ${path} ${version}`, 'host: localhost', 'connection: close', ...heads];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

const lengthOf = (body) => `content-length: ${body.length}`;
const json = 'content-type: application/json';

/** Other types and charsets. */
function typed(random, request) {
  const types = [
    ...[
      'text/plain',
      'application/json; charset=utf-16',
      'application/json;charset=x',
      'multipart/form-data',
    ],
    ...[
      'application/x-www-form-urlencoded',
      '*/*',
      '',
      'application/json, text/html',
      'APPLICATION/JSON',
    ],
    ...['application/json; boundary="', 'x'.repeat(2_000), 'application/\u00e9'],
  ];
  const encodings = ['utf8', 'utf16le', 'latin1'];
  const body = Buffer.from(request.body, random.pick(encodings));
  const heads = [`content-type: ${random.pick(types)}`, lengthOf(body)];
  return { bytes: build(request, { heads, body }), isWhole: true };
}

/** Chunks: whole, with extensions and trailers, of odd sizes, without an end. */
function chunked(random, request) {
  const body = Buffer.from(request.body);
  const size = body.length.toString(16);
  const endings = [
    [`${size}\r\n`, '\r\n0\r\n\r\n', body.length > 0],
    [`${size};a="b"\r\n`, '\r\n0\r\nx-trailer: 1\r\n\r\n', body.length > 0],
    [`${size};${'e'.repeat(20_000)}\r\n`, '\r\n0\r\n\r\n', false],
    ['-1\r\n', '\r\n0\r\n\r\n', false],
    ['ffffffffffffffff\r\n', '', false],
    ['zz\r\n', '', false],
    [`${size}\n`, '\n0\n\n', false],
    [`${size}\r\n`, '', false],
  ];
  const [before, behind, isWhole] = random.pick(endings);
  const parts = [Buffer.from(before), body, Buffer.from(behind)];
  const heads = [json, 'transfer-encoding: chunked'];
  return { bytes: build(request, { heads, body: Buffer.concat(parts) }), isWhole };
}

/** Lengths that do not fit. */
function lying(random, request) {
  const body = Buffer.from(request.body);
  const lengths = [
    body.length + 10,
    Math.max(0, body.length - 1),
    -1,
    1e15,
    '1,1',
    '0x10',
    ' 5 ',
    'a',
  ];
  const heads = [json, `content-length: ${random.pick(lengths)}`];
  return { bytes: build(request, { heads, body }), isWhole: false };
}

/** Two lengths, a length and chunks: what smugglers send. */
function doubled(random, request) {
  const body = Buffer.from(request.body);
  const smuggled = 'GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n';
  const pairs = [
    [lengthOf(body), 'content-length: 0'],
    [lengthOf(body), 'transfer-encoding: chunked'],
    ['transfer-encoding: chunked', 'transfer-encoding: identity'],
    ['transfer-encoding: xchunked', lengthOf(body)],
    ['transfer-encoding : chunked', lengthOf(body)],
    ['host: other.example', lengthOf(body)],
    [`content-length: ${body.length}\r\n\tx: 1`],
  ];
  const heads = [json, ...random.pick(pairs)];
  const whole = Buffer.concat([body, Buffer.from(smuggled)]);
  return { bytes: build(request, { heads, body: whole }), isWhole: false };
}

/** Compressed bodies: small, bombs, and none at all under the name of one. */
function zipped(random, request) {
  bomb ??= gzipSync(Buffer.alloc(bombMb * 1_048_576, '{"a":['));
  const bodies = [gzipSync(request.body), bomb, Buffer.from(request.body)];
  const body = random.pick(bodies);
  const coding = random.pick(['gzip', 'deflate', 'br', 'gzip, gzip', 'identity', 'zstd', 'x']);
  const heads = [json, `content-encoding: ${coding}`, lengthOf(body)];
  return { bytes: build(request, { heads, body }), isWhole: true };
}

/** One odd header among the usual ones. */
function odd(random, request) {
  const body = Buffer.from(request.body);
  const heads = [oddHead(random), ...(body.length > 0 ? [json, lengthOf(body)] : [])];
  return { bytes: build(request, { heads, body }), isWhole: false };
}

/** A header that somebody may read. */
function oddHead(random) {
  const long = 'v'.repeat(random.pick([200, 9_000, 20_000]));
  const names = [
    ...[
      'authorization',
      'origin',
      'x-request-id',
      'last-event-id',
      'payment-signature',
      'x-payment',
    ],
    ...[
      'idempotency-key',
      'x-api-key',
      'cookie',
      'if-none-match',
      'range',
      'expect',
      'upgrade',
      'accept',
    ],
    ...[
      'mcp-session-id',
      'mcp-protocol-version',
      'sec-websocket-key',
      'content-encoding',
      'forwarded',
    ],
    ...['x-aitbc-sender', 'x-aitbc-signature', 'x-aitbc-time', '__proto__', 'constructor'],
  ];
  const values = [
    ...[
      '',
      ' ',
      'Bearer',
      'Bearer ',
      'Bearer {{token}}x',
      'Bearer é',
      'null',
      'http://evil.example',
    ],
    ...[
      '-1',
      '9'.repeat(400),
      '{}',
      'e30=',
      'eyJhIjpbXX0',
      '100-continue',
      'websocket',
      'h2c',
      'bytes=0-',
    ],
    ...['{"a":{"a":{"a":1}}}', `${'['.repeat(4_000)}`, long, 'a,b;c=d', '\u00ff\u00fe'],
  ];
  return `${random.pick(names)}: ${random.pick(values)}`;
}

/** A request that breaks off. */
function half(random, request) {
  const body = Buffer.from(request.body);
  const whole = build(request, { heads: [json, lengthOf(body)], body });
  return { bytes: whole.subarray(0, random.below(whole.length)), isWhole: false };
}

/** The same request many times on one connection. */
function many(random, request) {
  const body = Buffer.from(request.body);
  const one = Buffer.concat([
    Buffer.from(`${request.method} ${request.path} HTTP/1.1\r\nhost: localhost\r\n${json}\r\n`),
    Buffer.from(`${lengthOf(body)}\r\n\r\n`),
    body,
  ]);
  const times = random.pick([2, 10, 50]);
  if (one.length > 20_000) return { bytes: one, isWhole: false };
  return { bytes: Buffer.concat(Array.from({ length: times }, () => one)), isWhole: false };
}

/** Odd first lines. */
function bare(random, request) {
  const lines = [
    `${request.method} ${request.path}\r\n\r\n`,
    `${request.method} ${request.path} HTTP/1.0\r\n\r\n`,
    `${request.method} ${request.path} HTTP/9.9\r\n\r\n`,
    `${request.method} http://other.example${request.path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
    `CONNECT localhost:1 HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    `TRACE ${request.path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    `${'G'.repeat(9_000)} / HTTP/1.1\r\n\r\n`,
    `GET ${'/a'.repeat(20_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    `GET * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
    '\r\n\r\n\r\n',
    '\u0000\u0001\u0002',
  ];
  return { bytes: Buffer.from(random.pick(lines), 'latin1'), isWhole: false };
}
