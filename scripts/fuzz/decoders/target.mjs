/** Shapes of targets: JSON cases of a schema, bytes of a corpus, and readers that throw what they may throw. */
import { isErrorCode } from '@aitbc/protocol';
import { demand, readsJson } from '../check.mjs';
import { mutateBytes, mutateJson } from '../mutate.mjs';
import { createCases } from '../schemas/schema-targets.mjs';
import { varyJson } from '../vary.mjs';

/** The value of `read()`, undefined when it throws an AppError with one of the codes; anything else is thrown on. */
export function readOrRefused(read, codes) {
  try {
    return { value: read() };
  } catch (error) {
    const isKnown = error?.name === 'AppError' && isErrorCode(error.code);
    if (isKnown && (codes === undefined || codes.includes(error.code))) return undefined;
    throw error;
  }
}

/** A target over JSON values that a schema describes, with samples that are taken more often. */
export function jsonOfSchema({ name, covers, schema, samples = [], check }) {
  return {
    ...{ name, covers, mutate: createCases(schema, samples), vary: varyJson },
    check: readsJson(check),
  };
}

/** A target over JSON samples, mutated. */
export function jsonOfSamples({ name, covers, samples, check }) {
  return {
    ...{ name, covers, mutate: (random) => mutateJson(random, samples), vary: varyJson },
    check: readsJson(check),
  };
}

/** A target over bytes. */
export function bytesTarget({ name, covers, samples, check }) {
  const corpus = samples.map((sample) => new Uint8Array(Buffer.from(sample)));
  return { name, covers, mutate: (random) => mutateBytes(random, corpus), check };
}

/** A target over text; a case is its UTF-8 bytes. */
export function textTarget({ name, covers, samples, check }) {
  return bytesTarget({
    ...{ name, covers, samples },
    check: (bytes) => check(Buffer.from(bytes).toString('utf8')),
  });
}

/** What must hold for a value that was read from a text or bytes and is written again. */
export function demandRoundTrip(read, write, value) {
  const again = read(write(value));
  demand(again !== undefined, 'what was written is refused');
  return again;
}
