/**
 * Canonical JSON for signed documents (offers, receipts): keys in code-unit order, no blanks, strings,
 * booleans, null, arrays, objects and safe integers only. A float, bigint, undefined or another type is
 * refused, and so is half a surrogate pair: one document has one spelling (the integer subset of RFC 8785). Nothing that
 * is signed is nested deeply; what a stranger nests ten thousand times is refused before it fills the stack.
 */

/** What a signed document may hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

const nestingMax = 100;

/** The canonical text; throws TypeError for a value outside the subset, and for one nested more than 100 times. */
export function canonicalJson(value: JsonValue): string {
  return textOf(value, 0);
}

function textOf(value: JsonValue, depth: number): string {
  if (typeof value === 'string') return canonicalText(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new TypeError(`${value} is not a safe integer`);
    return String(value === 0 ? 0 : value);
  }
  if (depth > nestingMax) throw new TypeError('it is nested too deeply');
  if (Array.isArray(value))
    return `[${value.map((item: JsonValue) => textOf(item, depth + 1)).join(',')}]`;
  if (typeof value === 'object')
    return objectText(value as { readonly [key: string]: JsonValue }, depth + 1);
  throw new TypeError(`a ${typeof value} cannot be part of a signed document`);
}

function objectText(value: { readonly [key: string]: JsonValue }, depth: number): string {
  let pairs = '';
  for (const key of Object.keys(value).sort()) {
    const comma = pairs === '' ? '' : ',';
    pairs += `${comma}${canonicalText(key)}:${textOf(value[key] as JsonValue, depth)}`;
  }
  return `{${pairs}}`;
}

/** Texts that stand between quotes as they are: almost all of a signed document is hex, digits and names. */
const plainText = /^[ !#-[\]-~]*$/;

/** Half of a surrogate pair has no UTF-8, so what is signed could not be what is sent. */
function canonicalText(text: string): string {
  if (plainText.test(text)) return `"${text}"`;
  if (/\p{Surrogate}/u.test(text)) throw new TypeError('a text holds half a character');
  return JSON.stringify(text);
}
