/** What every target is held to; a broken property is a `Violation`. */
import { isDeepStrictEqual } from 'node:util';
import { isErrorCode } from '@aitbc/protocol';

/** A property that does not hold. */
export class Violation extends Error {
  name = 'Violation';
}

/** Throws a Violation that names what is broken. */
export function demand(holds, what) {
  if (!holds) throw new Violation(what);
}

/** True for an acceptance; a refusal must be one, with a code of the table. */
export function isAccepted(verdict) {
  if (verdict?.ok === true) return true;
  demand(verdict?.ok === false, 'the answer is no verdict');
  demand(isErrorCode(verdict.code), `the code ${verdict.code} is not in the table`);
  return false;
}

/** The accepted value must be written as the bytes that it was read from. */
export function demandSameBytes(encoded, bytes) {
  demand(Buffer.from(encoded).equals(bytes), 'what was accepted is written as other bytes');
}

/** Both values must be the same. */
export function demandSame(found, expected, what) {
  demand(isDeepStrictEqual(found, expected), what);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The JSON value of bytes, undefined when they are none: that is refused before any decoder. */
export function jsonOf(bytes) {
  try {
    return { value: JSON.parse(utf8.decode(bytes)) };
  } catch {
    return undefined;
  }
}

/** `check` of a target that reads values: what is no JSON never reached the decoder and is `undefined`, no case. */
export function readsJson(check) {
  return (bytes) => {
    const json = jsonOf(bytes);
    return json === undefined ? undefined : check(json.value, bytes);
  };
}
