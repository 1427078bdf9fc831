/**
 * Values from schemas: valid ones, near ones (valid but for one thing) and hostile ones. It reads the JSON Schema that
 * zod makes of a schema, so every endpoint and document has cases without a line of its own here. What JSON Schema cannot
 * say (a checksum, "0 to 2^64-1") is known by the description or the form of a text.
 */

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { addressFromId, base64 } from '@aitbc/primitives';
import fc from 'fast-check';

const zod = createRequire(new URL('../../../packages/protocol/package.json', import.meta.url));
const { z } = zod('zod');

const poolSize = 24;
const depthMax = 12;
const listMax = 3;
const wholeMax = 2 ** 53 - 1;
const addresses = Array.from({ length: 5 }, (_, at) =>
  addressFromId(new Uint8Array(createHash('sha256').update(`fuzz ${at}`).digest())),
);
const amounts = ['0', '1', '77', '1000000000', '18446744073709551615'];
const words = ['a', 'tiny', 'soak', 'é', '日本語', '🦙', 'two words', 'x'.repeat(60)];

/** JSON Schema of a zod schema as its input; what cannot be said is anything. */
export function jsonSchemaOf(schema) {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}

/** Makes values that fit a zod schema as far as JSON Schema tells; deterministic by the random numbers given. */
export function createGenerator(schema) {
  const root = jsonSchemaOf(schema);
  const pools = new Map();
  const context = { defs: root.$defs ?? {}, root, pools };
  return {
    root,
    valid: (random) => valueFor(root, { ...context, random, depth: 0 }),
  };
}

function valueFor(schema, context) {
  const { random, depth, defs, root } = context;
  if (typeof schema !== 'object' || schema === null) return anything(random, depth);
  const inner = { ...context, depth: depth + 1 };
  if (schema.$ref !== undefined) {
    if (depth > depthMax) return null;
    const target = schema.$ref === '#' ? root : defs[schema.$ref.split('/').at(-1)];
    return valueFor(target, inner);
  }
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return random.pick(schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return valueFor(random.pick(choices), inner);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => valueFor(part, inner)));
  return plainValueOf(schema, inner);
}

function plainValueOf(schema, context) {
  const { random, depth } = context;
  const type = Array.isArray(schema.type) ? random.pick(schema.type) : schema.type;
  if (type === 'string') return textOf(schema, context);
  if (type === 'integer' || type === 'number') return numberOf(schema, random);
  if (type === 'boolean') return random.below(2) === 1;
  if (type === 'null') return null;
  if (type === 'array') return listOf(schema, context);
  if (type === 'object') return objectOf(schema, context);
  return anything(random, depth);
}

function objectOf(schema, context) {
  const { random } = context;
  const required = new Set(schema.required ?? []);
  const made = {};
  for (const [name, part] of Object.entries(schema.properties ?? {})) {
    if (required.has(name) || random.below(2) === 1) put(made, name, valueFor(part, context));
  }
  const more = schema.additionalProperties;
  if (typeof more === 'object' && Object.keys(schema.properties ?? {}).length === 0) {
    for (let left = random.below(3); left > 0; left -= 1) {
      const name = schema.propertyNames
        ? valueFor(schema.propertyNames, context)
        : random.pick(words);
      put(made, String(name), valueFor(more, context));
    }
  }
  return made;
}

/** Also under names such as `__proto__`. */
export function put(owner, name, value) {
  const held = { enumerable: true, configurable: true, writable: true };
  Object.defineProperty(owner, name, { ...held, value });
}

function listOf(schema, context) {
  const { random } = context;
  if (schema.prefixItems) return schema.prefixItems.map((part) => valueFor(part, context));
  const least = schema.minItems ?? 0;
  const most = Math.min(schema.maxItems ?? least + listMax, least + listMax);
  const size = least + random.below(most - least + 1);
  return Array.from({ length: size }, () => valueFor(schema.items ?? {}, context));
}

function numberOf(schema, random) {
  const least = schema.minimum ?? (schema.exclusiveMinimum ?? -2) + 1;
  const most = schema.maximum ?? (schema.exclusiveMaximum ?? wholeMax) - 0;
  const near = [least, most, least + 1, 16, 1_000].filter(
    (value) => value >= least && value <= most && value !== schema.exclusiveMaximum,
  );
  const value = random.pick(near);
  return schema.type === 'integer' ? Math.trunc(value) : value;
}

function textOf(schema, { random, pools }) {
  const { description = '', pattern, format, minLength = 0, maxLength = 4_000 } = schema;
  if (description.startsWith('address')) return random.pick(addresses);
  if (description.startsWith('nait')) return random.pick(amounts);
  if (schema.examples?.length) return random.pick(schema.examples);
  if (format === 'uri') return random.pick(['http://127.0.0.1:9/', 'https://a.example/b?c=d']);
  if (format === 'date-time') return '2026-01-02T03:04:05.678Z';
  if (pattern !== undefined) return random.pick(poolOf(pools, { pattern, minLength, maxLength }));
  if (maxLength >= 62 && maxLength <= 90 && minLength === 0 && random.below(2) === 0) {
    return random.pick(addresses);
  }
  const fitting = words.filter((text) => text.length >= minLength && text.length <= maxLength);
  return fitting.length > 0 ? random.pick(fitting) : 'x'.repeat(minLength);
}

/** Texts of a pattern, made once. */
function poolOf(pools, { pattern, minLength, maxLength }) {
  const known = pools.get(pattern);
  if (known) return known;
  const made = pattern.startsWith('^[A-Za-z0-9+/]')
    ? [0, 1, 2, 3, 48, 120].map((size) => base64(new Uint8Array(size).fill(size)))
    : textsOf(pattern).filter(({ length }) => length >= minLength && length <= maxLength);
  const pool = made.length > 0 ? made : [''];
  pools.set(pattern, pool);
  return pool;
}

function textsOf(pattern) {
  try {
    return fc.sample(fc.stringMatching(new RegExp(pattern)), { numRuns: poolSize, seed: 1 });
  } catch {
    return []; // look-ahead and the like: near and hostile cases are left
  }
}

function anything(random, depth) {
  const simple = [null, true, 0, -1, 1.5, '', 'a', []];
  if (depth > 3 || random.below(3) > 0) return random.pick(simple);
  return { [random.pick(words)]: anything(random, depth + 1) };
}
