/**
 * Values that fit but for one thing, and values that no honest caller sends. A place of the value is drawn and changed:
 * another type, a bound passed, a field missing, a field too many, odd Unicode, numbers at the edge, names of prototypes.
 */
import { put } from './generate.mjs';

const odd = {
  types: [null, true, false, 0, 1.5, '', 'a', [], {}, [[]], [null]],
  numbers: [
    ...[-0, -1, 0.5, 1e-7, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 2 ** 64, 1e21, 1e308],
    ...[-(2 ** 53), -1e308],
  ],
  texts: [
    ...['', ' ', '\u0000', '\ufeff', '\ud800', '\udfff\ud800', 'é', 'é', '日本語', '🦙'.repeat(40)],
    ...['%00', '../..', '%2e%2e%2f', '..%5c', "' OR 1=1 --", '$' + '{7*7}', '{{7*7}}', '<script>'],
    ...['a\r\nx-evil: 1', '\u202e', 'NaN', 'Infinity', '-0', '1e3', '0x10', '١٢٣', '1'.repeat(400)],
    ...[
      '9007199254740993',
      '18446744073709551616',
      '-1',
      '00',
      'null',
      'undefined',
      '[object Object]',
    ],
    'x'.repeat(5_000),
  ],
  names: [
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '',
    'a.b',
    '\ud800',
  ],
};
const sizeNow = [1_000, 20_000, 300_000];
const depthNow = [100, 10_000, 100_000];

/** One thing changed; `random` decides what. */
export function nearValue(random, value) {
  const holder = { value: structuredClone(value) };
  const { owner, name } = placeIn(holder, random);
  const found = owner[name];
  const changes = [otherType, otherType, remove, addField, atTheEdge, oddText, double, stretch];
  random.pick(changes)({ owner, name, found, holder, random });
  return holder.value;
}

/** Text of a body that is large, deep, or no JSON at all. */
export function hostileText(random, value) {
  const text = JSON.stringify(value) ?? 'null';
  const makers = [
    () => `${'['.repeat(random.pick(depthNow))}`,
    () => nested(random.pick(depthNow)),
    () => `${'{"a":'.repeat(random.pick(depthNow))}1`,
    () => text.replace('{', `{"deep":${nested(random.pick(depthNow))},`),
    () =>
      text.replace(
        /:("[^"]*"|-?\d+|true|false|null|\{\}|\[\])/,
        `:${nested(random.pick(depthNow))}`,
      ),
    () => text.slice(0, random.below(text.length + 1)),
    () => text.replace('{', `{"${'k'.repeat(random.pick(sizeNow))}":1,`),
    () => text.replace('{', `{"x":"${'y'.repeat(random.pick(sizeNow))}",`),
    () => text.replace(/:(\d+)/, ':1e999'),
    () => text.replace(/:(\d+)/, `:${'9'.repeat(random.pick(sizeNow))}`),
    () => text.replace('{', '{"__proto__":{"isAdmin":true},'),
    () => `${text}${text}`,
    () => text.replace(/"(\w+)":/, '"$1":1,"$1":'),
    () => `\ufeff${text}`,
    () => text.replaceAll('"', "'"),
    () => `[${`${text},`.repeat(20)}${text}]`,
    () => text.replace(/"([^"]+)"/, '"\\ud800$1"'),
    () =>
      random.pick(['', ' ', 'null', 'true', '0', '""', '[]', '{', '}', 'NaN', '\u0000', '{}{}']),
  ];
  return random.pick(makers)();
}

function nested(depth) {
  return `${'['.repeat(depth)}${']'.repeat(depth)}`;
}

function otherType({ owner, name, random }) {
  put(owner, name, structuredClone(random.pick(random.pick([odd.types, odd.numbers, odd.texts]))));
}

function remove({ owner, name, holder }) {
  if (owner === holder) holder.value = {};
  else if (Array.isArray(owner)) owner.splice(Number(name), 1);
  else delete owner[name];
}

function addField({ found, owner, random }) {
  const target = typeof found === 'object' && found !== null ? found : owner;
  if (Array.isArray(target)) target.push(structuredClone(random.pick(odd.types)));
  else put(target, random.pick([...odd.names, 'more']), structuredClone(random.pick(odd.types)));
}

function atTheEdge({ owner, name, found, random }) {
  if (typeof found === 'number') put(owner, name, found + random.pick([-1, 1, 0.5, 2 ** 53]));
  else put(owner, name, random.pick(odd.numbers));
}

function oddText({ owner, name, found, random }) {
  const part = random.pick(odd.texts);
  if (typeof found !== 'string') return put(owner, name, part);
  const at = random.below(found.length + 1);
  const texts = [
    part,
    found.slice(0, at) + part,
    found + part,
    found.toUpperCase(),
    found.slice(1),
  ];
  put(owner, name, random.pick(texts));
}

function double({ owner, name, found }) {
  if (Array.isArray(found)) found.push(...structuredClone(found));
  else if (typeof found === 'string') put(owner, name, found + found);
  else put(owner, name, [found]);
}

function stretch({ owner, name, found, random }) {
  const size = random.pick([300, 5_000]);
  if (Array.isArray(found))
    put(
      owner,
      name,
      Array.from({ length: size }, () => found[0] ?? 0),
    );
  else put(owner, name, 'z'.repeat(size));
}

function placeIn(holder, { below, pick }) {
  let owner = holder;
  let name = 'value';
  for (;;) {
    const found = owner[name];
    const names = typeof found === 'object' && found !== null ? Object.keys(found) : [];
    if (names.length === 0 || below(5) === 0) return { owner, name };
    owner = found;
    name = pick(names);
  }
}
