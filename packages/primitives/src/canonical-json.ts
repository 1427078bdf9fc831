/**
 * Canonical JSON for signed documents (offers, receipts): keys in code-unit order, no blanks, strings,
 * booleans, null, arrays, objects and safe integers only. A float, bigint, undefined or another type is
 * refused, and so is half a surrogate pair: one document has one spelling (the integer subset of RFC 8785).
 */

/** What a signed document may hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** The canonical text; throws TypeError for a value outside the subset. */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return canonicalText(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new TypeError(`${value} is not a safe integer`);
    return String(value === 0 ? 0 : value);
  }
  if (Array.isArray(value))
    return `[${value.map((item: JsonValue) => canonicalJson(item)).join(',')}]`;
  if (typeof value === 'object')
    return canonicalObject(value as { readonly [key: string]: JsonValue });
  throw new TypeError(`a ${typeof value} cannot be part of a signed document`);
}

function canonicalObject(value: { readonly [key: string]: JsonValue }): string {
  const keys = Object.keys(value).sort();
  const pairs = keys.map(
    (key) => `${canonicalText(key)}:${canonicalJson(value[key] as JsonValue)}`,
  );
  return `{${pairs.join(',')}}`;
}

/** Half of a surrogate pair has no UTF-8, so what is signed could not be what is sent. */
function canonicalText(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new TypeError('a text holds half a character');
  return JSON.stringify(text);
}
