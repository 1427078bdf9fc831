/**
 * Requests of a row as the bytes of HTTP/1.1, so that a case can be sent again as it was. The owner's token stands in them
 * as a mark that is replaced when they are sent, as is the name of the host. A case begins with one byte: 1 for a whole request, which must be
 * answered, 0 for one that may leave the server waiting.
 */
import { createGenerator } from '../schemas/generate.mjs';
import { hostileText, nearValue } from '../schemas/near.mjs';
import { hostileBytes } from './hostile.mjs';
import { neverValid, withoutToken } from './surfaces.mjs';

export const tokenMark = '{{token}}';
const usualHead = { host: 'localhost', connection: 'close' };

/** Makes cases of a row of an HTTP table. `real()` gives names of the network once it runs. */
export function createRequests({ daemon, name, row, real }) {
  const generator = createGenerator(row.input);
  const full = `${daemon} ${name}`;
  const mayHaveToken = row.access === 'token' && !withoutToken[full];
  return (random) => {
    const kind = random.below(20);
    const names = neverValid[full] ? undefined : real();
    const valid = withReal(generator.valid(random), { real: names, random });
    const value = kind < 7 ? valid : nearValue(random, valid);
    const token = mayHaveToken && random.below(4) > 0 ? tokenMark : undefined;
    if (kind < 15) return wholeCase(requestOf(row, { value, token, random }));
    if (kind < 18)
      return wholeCase(requestOf(row, { value, token, random, text: hostileText(random, valid) }));
    return hostileBytes(random, requestOf(row, { value: valid, token, random }));
  };
}

/** Cases of JSON-RPC methods: one, a batch, odd envelopes. */
export function createRpcRequests({ name, row, real, path = '/' }) {
  const value = createRpcValues({ name, row, real });
  return (random) => {
    const kind = random.below(20);
    const body = value(random);
    const post = { method: 'POST', path };
    if (kind < 15) return wholeCase({ ...post, body: JSON.stringify(body) ?? 'null' });
    if (kind < 18) return wholeCase({ ...post, body: hostileText(random, body) });
    return hostileBytes(random, { ...post, body: JSON.stringify(body) ?? 'null' });
  };
}

/** JSON-RPC requests of a method, as values. */
export function createRpcValues({ name, row, real }) {
  const generator = createGenerator(row.input);
  return (random) => {
    const kind = random.below(12);
    const params = withReal(generator.valid(random), { real: real(), random });
    const call = { jsonrpc: '2.0', id: 1, method: name, params };
    if (kind < 4) return call;
    if (kind < 8) return { ...call, params: nearValue(random, params) };
    if (kind < 10) return nearValue(random, call);
    return Array.from({ length: random.pick([0, 1, 2, 30, 300]) }, () => nearValue(random, call));
  };
}

/** A plain request of a path. */
export function plainRequest(path) {
  return (random) => {
    const method = random.pick([
      'GET',
      'GET',
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'DELETE',
      'OPTIONS',
      'PATCH',
    ]);
    const request = { method, path: oddPath(random, path), body: method === 'POST' ? '{}' : '' };
    return random.below(4) === 0 ? hostileBytes(random, request) : wholeCase(request);
  };
}

/** Real names in place of made ones, in most places. */
export function withReal(value, { real, random }) {
  if (typeof value !== 'object' || value === null || !real) return value;
  for (const [name, found] of Object.entries(value)) {
    const names = Object.hasOwn(real, name) ? real[name] : undefined;
    if (names?.length > 0 && typeof found === 'string' && random.below(4) > 0) {
      value[name] = random.pick(names);
    } else withReal(found, { real, random });
  }
  return value;
}

function requestOf({ method, path }, { value, token, random, text }) {
  const rest = Object(value) === value && !Array.isArray(value) ? { ...value } : {};
  const filled = path.replace(/:(\w+)/g, (_, name) => {
    const part = Object.hasOwn(rest, name) ? rest[name] : 'x';
    delete rest[name];
    return encoded(typeof part === 'string' ? part : (JSON.stringify(part) ?? ''), random);
  });
  const isPost = method === 'POST';
  const query = isPost ? '' : queryOf(rest, random);
  const body = isPost
    ? (text ?? JSON.stringify(text === undefined && isPlain(value) ? rest : value))
    : '';
  return { method, path: filled + query, body: body ?? 'null', token };
}

const isPlain = (value) => Object(value) === value && !Array.isArray(value);

function queryOf(values, random) {
  const parts = Object.entries(values).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `${encoded(name, random)}=${encoded(text ?? '', random)}`;
  });
  return parts.length > 0 ? `?${parts.join('&').slice(0, 12_000)}` : '';
}

/** Percent-encoded as it should be; now and then only what HTTP cannot carry. */
function encoded(text, random) {
  if (random.below(12) === 0)
    return [...text]
      .map((sign) => (/[!-~]/.test(sign) && !'#?'.includes(sign) ? sign : '%E9'))
      .join('');
  try {
    return encodeURIComponent(text);
  } catch {
    return '%ED%A0%80'; // half a character
  }
}

function oddPath(random, path) {
  const ends = [
    '',
    '',
    '',
    '/',
    '//',
    '?a=1',
    '?a[]=1&a[]=2',
    '/../..',
    '/%2e%2e/%2e%2e',
    '/%00',
    ';x=y',
  ];
  return (
    path.replace('*', 'x') + random.pick([...ends, `/${'y'.repeat(3_000)}`, '?%', '/%zz', '#a'])
  );
}

/** Bytes of a whole request with the usual head. */
export function wholeCase({ method, path, body, token, heads = [] }) {
  const bytes = Buffer.from(body, 'utf8');
  const head = [
    `${method} ${path} HTTP/1.1`,
    ...Object.entries(usualHead).map(([name, value]) => `${name}: ${value}`),
    ...(token ? [`authorization: Bearer ${token}`] : []),
    ...heads,
    ...(bytes.length > 0
      ? ['content-type: application/json', `content-length: ${bytes.length}`]
      : []),
  ];
  return caseOf(1, Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]));
}

/** A case: its first byte says whether it must be answered. */
export function caseOf(isWhole, bytes) {
  return new Uint8Array(Buffer.concat([Buffer.from([isWhole]), bytes]));
}
