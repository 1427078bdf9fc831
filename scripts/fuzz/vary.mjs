/**
 * Cheap relatives of a case. Drawing a value of a schema costs more than reading it, so the values of a JSON text are
 * found once and many cases are made of it by changing one or two places of the text: another type, another value of the
 * same text, a letter, a number at the edge, a field left out, doubled or added. Most of them are JSON still.
 */
import { joined, mutateBytes } from './mutate.mjs';

const bytesOf = (text) => new Uint8Array(Buffer.from(text));
const oddValues = [
  ...['null', 'true', 'false', '0', '-1', '-0', '0.5', '1e-7', '256', '4294967296', '1e308'],
  ...['9007199254740991', '9007199254740992', '18446744073709551616', '1e999', '-1e999'],
  ...['""', '" "', '"0"', '"-1"', '"00"', '"1e3"', '"\\u0000"', '"\\ud800"', '"\\ufeffa"', '"é🦙"'],
  ...['"18446744073709551615"', '"18446744073709551616"', '"ait1qqqq"', '"../.."', '"a\\r\\nb"'],
  ...['[]', '{}', '[[]]', '[null]', '{"":0}', `"${'A'.repeat(64)}"`, `"${'9'.repeat(400)}"`],
].map(bytesOf);
const oddNames = ['__proto__', 'constructor', 'toString', '', 'kind', '\\ud800'].map((name) =>
  bytesOf(`"${name}"`),
);
const oddFields = ['"__proto__":{"isAdmin":true},', '"more":1,', '"constructor":null,'].map(
  bytesOf,
);
const letters = [...'019afAF-+. _/=é'].map(bytesOf);
const code = (letter) => letter.charCodeAt(0);
const [quote, backslash, comma, colon] = [...'"\\,:'].map(code);
const opening = [...'{['].map(code);
const closing = [...'}]'].map(code);
const scalar = new Set([...'0123456789+-.eEtrufalsn'].map(code));
const [open, close] = ['[', ']'].map(bytesOf);

const changes = [odd, odd, other, other, letter, letter, remove, remove, double, addField, wrap];

/** A maker of relatives of a JSON text: called with random numbers it gives one. */
export function varyJson(bytes) {
  const places = placesOf(bytes);
  const single = [bytes];
  return (random) => {
    if (places.length === 0 || random.below(32) === 0) return mutateBytes(random, single);
    const first = changeOf(random, bytes, places);
    if (random.below(4) > 0) return edited(bytes, [first]);
    const second = changeOf(random, bytes, places);
    if (first.to <= second.from) return edited(bytes, [first, second]);
    return edited(bytes, second.to <= first.from ? [second, first] : [second]);
  };
}

/** The same for base64 of JSON, where there is JSON inside. */
export function varyBase64(bytes) {
  const inner = Buffer.from(Buffer.from(bytes).toString('latin1'), 'base64');
  if (!opening.includes(inner[0])) return (random) => mutateBytes(random, [bytes]);
  const vary = varyJson(new Uint8Array(inner));
  return (random) => bytesOf(Buffer.from(vary(random)).toString('base64'));
}

/** Where values and names stand, from their first byte up to the one behind them; scalars and whole containers. */
function placesOf(bytes) {
  const places = [];
  const waiting = [];
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at];
    if (opening.includes(byte)) waiting.push(at);
    if (closing.includes(byte) && waiting.length > 0)
      places.push({ from: waiting.pop(), to: at + 1, isName: false });
    const to = byte === quote ? endOfText(bytes, at) : endOfScalar(bytes, at);
    if (to > at) places.push({ from: at, to, isName: bytes[to] === colon });
    at = Math.max(to, at + 1);
  }
  return places;
}

function endOfText(bytes, from) {
  let at = from + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return Math.min(at + 1, bytes.length);
}

function endOfScalar(bytes, from) {
  let at = from;
  while (at < bytes.length && scalar.has(bytes[at])) at += 1;
  return at;
}

function changeOf(random, bytes, places) {
  const place = random.pick(places);
  return random.pick(changes)(place, random, { bytes, places });
}

function odd({ from, to, isName }, { pick }) {
  return { from, to, put: pick(isName ? oddNames : oddValues) };
}

function other({ from, to, isName }, { pick }, { bytes, places }) {
  const found = pick(places);
  const fits = !isName || bytes[found.from] === quote;
  return { from, to, put: fits ? bytes.subarray(found.from, found.to) : pick(oddNames) };
}

/** Another, one more or one less letter inside. */
function letter({ from, to }, { below, pick }, { bytes }) {
  const isText = bytes[from] === quote;
  const at = from + below(to - from) + (isText ? 1 : 0);
  const end = Math.min(at + below(2), isText ? to - 1 : to);
  return {
    from: Math.min(at, end),
    to: end,
    put: below(4) === 0 ? bytes.subarray(0, 0) : pick(letters),
  };
}

/** A value and its name, or an element, with one comma. */
function remove(place, _random, { bytes, places }) {
  const { from, to } = memberOf(place, places, bytes);
  const empty = bytes.subarray(0, 0);
  if (bytes[to] === comma) return { from, to: to + 1, put: empty };
  return { from: bytes[from - 1] === comma ? from - 1 : from, to, put: empty };
}

function double(place, _random, { bytes, places }) {
  const { from, to } = memberOf(place, places, bytes);
  const put = new Uint8Array(to - from + 1);
  put.set(bytes.subarray(from, to));
  put[to - from] = comma;
  return { from, to: from, put };
}

function memberOf(place, places, bytes) {
  if (place.isName) {
    const value = places.find(({ from }) => from === place.to + 1);
    return { from: place.from, to: value?.to ?? place.to };
  }
  if (bytes[place.from - 1] !== colon) return place;
  const name = places.find(({ to }) => to === place.from - 1);
  return { from: name?.from ?? place.from, to: place.to };
}

function addField(place, random) {
  if (!place.isName) return odd(place, random);
  return { from: place.from, to: place.from, put: random.pick(oddFields) };
}

function wrap(place, random, { bytes }) {
  if (place.isName) return odd(place, random);
  const { from, to } = place;
  return { from, to, put: joined(open, bytes.subarray(from, to), close) };
}

/** The text with its places changed; the edits do not overlap and come in order. */
function edited(bytes, edits) {
  const parts = [];
  let at = 0;
  for (const { from, to, put } of edits) {
    parts.push(bytes.subarray(at, from), put);
    at = to;
  }
  parts.push(bytes.subarray(at));
  return joined(...parts);
}
