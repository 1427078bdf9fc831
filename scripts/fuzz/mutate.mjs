/**
 * Mutations of bytes and of JSON values. One case is a sample of the corpus with one to four of them; a few cases
 * are samples as they are, so that a decoder that refuses everything is noticed.
 */
const bytesMax = 65_536;
const sizes = [1, 2, 4, 8];
const steps = [-1, 1, -2, 16];
const extremes = Object.entries({
  1: [0n, 1n, 0x7fn, 0x80n, 0xffn],
  2: [0n, 1n, 0xffn, 0x100n, 0x7fffn, 0x8000n, 0xffffn],
  4: [0n, 1n, 0xffffn, 0x10000n, 0x7fffffffn, 0x80000000n, 0xfffffffen, 0xffffffffn],
  8: [0n, 1n, 0x1fffffffffffffn, 0x20000000000000n, 0x7fffffffffffffffn, 0xffffffffffffffffn],
}).flatMap(([size, numbers]) => numbers.map((number) => bigEndian(number, Number(size))));
const giantEach = 512; // repetitions that make a case large: rare, for they cost as much as many small ones

const byteMutations = [flip, setByte, cut, drop, insert, splice, extreme, extreme, near, repeat];

/** A mutated sample. `corpus` are byte arrays. */
export function mutateBytes(random, corpus) {
  let bytes = new Uint8Array(random.pick(corpus)); // a copy, also of a Buffer
  if (random.below(64) === 0) return bytes;
  if (random.below(64) === 0) return random.bytes(random.below(300));
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    bytes = random.pick(byteMutations)(bytes, random, corpus);
  }
  return bytes.subarray(0, bytesMax);
}

function flip(bytes, { below }) {
  if (bytes.length > 0) bytes[below(bytes.length)] ^= 1 << below(8);
  return bytes;
}

function setByte(bytes, { below }) {
  if (bytes.length > 0) bytes[below(bytes.length)] = below(256);
  return bytes;
}

function cut(bytes, { below }) {
  return bytes.slice(0, below(bytes.length + 1));
}

function drop(bytes, { below }) {
  const from = below(bytes.length);
  return joined(bytes.subarray(0, from), bytes.subarray(from + 1 + below(16)));
}

function insert(bytes, { below, bytes: some }) {
  const at = below(bytes.length + 1);
  return joined(bytes.subarray(0, at), some(1 + below(16)), bytes.subarray(at));
}

function splice(bytes, { below, pick }, corpus) {
  const other = pick(corpus);
  return joined(bytes.subarray(0, below(bytes.length + 1)), other.subarray(below(other.length)));
}

/** Overwrites 1, 2, 4 or 8 bytes with a number at the edge of their range: lengths, counts, versions. */
function extreme(bytes, { below, pick }) {
  const number = pick(extremes);
  if (bytes.length >= number.length) bytes.set(number, below(bytes.length - number.length + 1));
  return bytes;
}

/** Moves a number by one, or by a little, with its carry. */
function near(bytes, { below, pick }) {
  if (bytes.length === 0) return bytes;
  const first = below(bytes.length);
  let carry = pick(steps);
  for (
    let at = Math.min(first + pick(sizes), bytes.length) - 1;
    at >= first && carry !== 0;
    at -= 1
  ) {
    const sum = bytes[at] + carry;
    bytes[at] = sum;
    carry = sum >> 8;
  }
  return bytes;
}

function repeat(bytes, { below }) {
  const from = below(bytes.length);
  const part = bytes.subarray(from, from + 1 + below(128));
  const most = Math.floor(bytesMax / (part.length + 1));
  const times = Math.min(1 + below(below(giantEach) === 0 ? 200 : 4), most);
  const copies = Array.from({ length: times }, () => part);
  return joined(bytes.subarray(0, from), ...copies, bytes.subarray(from)).subarray(0, bytesMax);
}

/** Parts of bytes one behind the other. */
export function joined(...parts) {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function bigEndian(number, size) {
  return Uint8Array.from({ length: size }, (_, at) =>
    Number((number >> BigInt(8 * (size - 1 - at))) & 0xffn),
  );
}

const oddValues = [
  ...[null, true, -1, -0, 0.5, 2 ** 53, 2 ** 32, 256, 1e308, '', ' ', '0', '-1', '00', '1e3'],
  ...['18446744073709551615', '18446744073709551616', '9'.repeat(400), 'A'.repeat(64)],
  ...['\ud800', '\ufeffa', '\u0000', 'ait1qqqq', 'x'.repeat(5_000), [], {}, [[]], { '': 0 }],
];
const oddNames = ['__proto__', 'constructor', 'toString', '', 'kind', '\ud800'];

/** Text, as bytes, of a mutated JSON sample; now and then the text itself is mutated as well. */
export function mutateJson(random, corpus) {
  const { below, pick } = random;
  const holder = { value: structuredClone(pick(corpus)) };
  const changes = below(64) === 0 ? 0 : 1 + below(3);
  for (let left = changes; left > 0; left -= 1) changeValue(holder, random, corpus);
  const bytes = new TextEncoder().encode(JSON.stringify(holder.value) ?? 'null');
  if (below(8) === 0) return mutateBytes(random, [bytes]);
  if (below(256) === 0) return new TextEncoder().encode(`${'['.repeat(9_000)}${']'.repeat(9_000)}`);
  return bytes;
}

/** Goes down at random and changes what stands there, as far as the change fits it. */
function changeValue(holder, random, corpus) {
  const place = placeIn(holder, random);
  const { owner, name } = place;
  const change = random.pick([replace, remove, enlarge, addName, nudge]);
  if (owner === holder && change === remove) return;
  change({ ...place, found: owner[name] }, random, corpus);
}

function replace({ owner, name }, { pick }) {
  owner[name] = structuredClone(pick(oddValues));
}

function remove({ owner, name }) {
  if (Array.isArray(owner)) owner.splice(Number(name), 1);
  else delete owner[name];
}

function enlarge(place, random, corpus) {
  const { found } = place;
  if (!Array.isArray(found)) return takeOther(place, random, corpus);
  const [first = 0] = found;
  for (let left = random.below(300); left > 0; left -= 1) found.push(first);
}

function takeOther({ owner, name }, random, corpus) {
  const other = placeIn({ value: structuredClone(random.pick(corpus)) }, random);
  owner[name] = other.owner[other.name];
}

function addName({ found }, { pick }) {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return;
  const held = { enumerable: true, configurable: true, writable: true };
  Object.defineProperty(found, pick(oddNames), {
    ...held,
    value: structuredClone(pick(oddValues)),
  });
}

function nudge({ owner, name, found }, { below, pick }) {
  if (typeof found === 'string') {
    const at = below(found.length);
    owner[name] = found.slice(0, at) + pick('09afAF-. é') + found.slice(at + below(2));
  } else if (typeof found === 'number') {
    owner[name] = found + pick([-1, 1, 0.5, 2 ** 53, -(2 ** 53)]);
  }
}

function placeIn(holder, { below, pick }) {
  let owner = holder;
  let name = 'value';
  for (;;) {
    const found = owner[name];
    const names = typeof found === 'object' && found !== null ? Object.keys(found) : [];
    if (names.length === 0 || below(6) === 0) return { owner, name };
    owner = found;
    name = pick(names);
  }
}
