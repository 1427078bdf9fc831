/** One fact of a foreign output: a value, or null for everything that is none. */
import { sha256Hex, utf8 } from '@aitbc/primitives';

const textMax = 120;

const bytesOfUnit: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1_024,
  kib: 1_024,
  mb: 1_048_576,
  mib: 1_048_576,
  gb: 1_073_741_824,
  gib: 1_073_741_824,
  tb: 1_099_511_627_776,
  tib: 1_099_511_627_776,
};

/** A word of a tool without control signs; null for `N/A`, `[Not Supported]`, `None` and the like. */
export function textFact(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const text = value.replace(/\p{Cc}/gu, '').trim();
  if (text === '' || text.startsWith('[') || /^(n\/?a|none|not supported|unknown)$/i.test(text)) {
    return null;
  }
  return text.slice(0, textMax);
}

/** A number that is not negative, out of a number, a text such as `71.5 W`, or `{value, unit}`. */
export function numberFact(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : null;
  if (typeof value === 'object' && value !== null) {
    return numberFact((value as { value?: unknown }).value);
  }
  const text = textFact(value);
  const match = text === null ? null : /^(\d+(?:\.\d+)?)(?:\s*[a-z%°/³]*)?$/i.exec(text);
  return match ? Number(match[1]) : null;
}

/** Bytes out of `24564 MiB`, `24 GB`, `{value, unit}`, or a number in the unit given. */
export function bytesFact(value: unknown, unit: string): number | null {
  const amount = numberFact(value);
  if (amount === null) return null;
  const size = bytesOfUnit[unitOf(value) ?? unit];
  const bytes = size === undefined ? Number.NaN : Math.round(amount * size);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

function unitOf(value: unknown): string | undefined {
  if (typeof value === 'object' && value !== null) {
    const { unit } = value as { unit?: unknown };
    return typeof unit === 'string' ? unit.toLowerCase() : undefined;
  }
  if (typeof value !== 'string') return undefined;
  return /([a-z]+)\s*$/i.exec(value)?.[1]?.toLowerCase();
}

/** Hash of a serial id. */
export function idHashOf(value: unknown): string | null {
  const text = textFact(value);
  return text === null ? null : sha256Hex(utf8(text.toLowerCase()));
}

/** An object's entry by a path of keys; undefined where the path ends early. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as Record<string, unknown>)[key];
  }
  return here;
}

/** The value of a JSON text, undefined for what is none. Leading lines of warnings are skipped. */
export function jsonOf(text: string): unknown {
  const start = text.search(/^\s*[[{]/m);
  if (start < 0) return undefined;
  try {
    return JSON.parse(text.slice(start)) as unknown;
  } catch {
    return undefined; // cut off, or no JSON: the caller says so
  }
}
