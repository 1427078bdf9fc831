/**
 * Canonical JSON for signed documents (offers, receipts): keys in code-unit order, no blanks, strings,
 * booleans, null, arrays, objects and safe integers only. A float, bigint, undefined or another type is
 * refused, so that one document has one spelling (the integer subset of RFC 8785).
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
  if (value === null || typeof value === 'boolean' || typeof value === 'string') {
    return JSON.stringify(value);
  }
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
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] as JsonValue)}`).join(',')}}`;
}
