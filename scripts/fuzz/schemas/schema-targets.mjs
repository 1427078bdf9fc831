/**
 * Every schema that the packages and daemons export, with cases from the schema itself. A schema never throws, answers
 * the same twice, and what it gives back for what it took is taken again.
 */
import { isDeepStrictEqual } from 'node:util';
import { demand, readsJson } from '../check.mjs';
import { mutateJson } from '../mutate.mjs';
import { varyJson } from '../vary.mjs';
import { createGenerator } from './generate.mjs';
import { hostileText, nearValue } from './near.mjs';

/** True for a zod schema. */
export function isSchema(value) {
  return typeof value === 'object' && value !== null && typeof value.safeParse === 'function';
}

/** Bytes of a case: valid, near, mutated or hostile JSON. */
export function createCases(schema, samples = []) {
  const generator = createGenerator(schema);
  const validOf = (random) =>
    samples.length > 0 && random.below(3) === 0 ? random.pick(samples) : generator.valid(random);
  return (random) => {
    const value = validOf(random);
    const kind = random.below(16);
    if (kind < 5) return bytesOf(JSON.stringify(value));
    if (kind < 12) return bytesOf(JSON.stringify(nearValue(random, value)));
    if (kind < 15) return mutateJson(random, [value]);
    return bytesOf(hostileText(random, value));
  };
}

function bytesOf(text) {
  return new Uint8Array(Buffer.from(text ?? 'null'));
}

/** One target for each schema of a module's exports. */
export function schemaTargets(exported, owner, samples = {}) {
  return Object.entries(exported)
    .filter(([, schema]) => isSchema(schema))
    .map(([name, schema]) => ({
      name: `${owner} ${name}`,
      covers: [name],
      mutate: createCases(schema, samples[name]),
      vary: varyJson,
      check: readsJson((value) => checkSchema(schema, value)),
    }));
}

function checkSchema(schema, value) {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    demand(parsed.error.issues.length > 0, 'a refusal says nothing');
    return false;
  }
  demand({}.isAdmin === undefined, 'the prototype of all objects was changed');
  const again = schema.safeParse(parsed.data);
  demand(again.success, 'what was read is refused when it is read again');
  demand(isDeepStrictEqual(again.data, parsed.data), 'it reads differently the second time');
  return true;
}
