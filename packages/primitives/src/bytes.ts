/** Bytes, hex, base64 and UTF-8, the same in Node and in a browser. */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }); // a mark is text, too

/** UTF-8 bytes of the text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Text of UTF-8 bytes; throws RangeError or TypeError on bytes that are not UTF-8. */
export function textFromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

const noDigit = 0xff;
const hexDigits = new Uint8Array(128).fill(noDigit);
for (let digit = 0; digit < 16; digit += 1) hexDigits[digit.toString(16).charCodeAt(0)] = digit;

/** Bytes of lower-case hex of exactly `sizeBytes` bytes, or undefined for anything else. */
export function bytesFromHex(text: string, sizeBytes: number): Uint8Array | undefined {
  if (text.length !== sizeBytes * 2) return undefined;
  const bytes = new Uint8Array(sizeBytes);
  return putHex(bytes, 0, text) ? bytes : undefined;
}

/** Writes the bytes of lower-case hex into others, from `at` on; false, and part of them written, for anything else. */
export function putHex(bytes: Uint8Array, at: number, text: string): boolean {
  for (let index = 0; index < text.length; index += 2) {
    const high = hexDigits[text.charCodeAt(index)] ?? noDigit;
    const low = hexDigits[text.charCodeAt(index + 1)] ?? noDigit;
    if (high === noDigit || low === noDigit) return false;
    bytes[at + index / 2] = high * 16 + low;
  }
  return true;
}

const base64Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const base64Digits = new Uint8Array(128).fill(noDigit);
for (let digit = 0; digit < 64; digit += 1) base64Digits[base64Alphabet.charCodeAt(digit)] = digit;

/** Bytes of canonical base64, or undefined: another spelling of the same bytes is refused. */
export function bytesFromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let bits = 0;
  let value = 0;
  let size = 0;
  for (let at = 0; at < digits; at += 1) {
    const digit = base64Digits[text.charCodeAt(at)] ?? noDigit;
    if (digit === noDigit) return undefined;
    value = ((value << 6) | digit) & 0xfff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[size] = (value >> bits) & 0xff;
    size += 1;
  }
  const unused = value & ((1 << bits) - 1); // bits behind the last byte: zero in the canonical spelling
  return unused === 0 ? bytes : undefined;
}

/** All parts joined into one array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const joined = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Bytes of a memory that several copies share: one of them that is kept alone keeps no more than this. */
const sharedBytes = 4_096;

/** A copy of each part; short ones share memories, because one of its own costs more than a hundred bytes in it. */
export function copiesOf(parts: readonly Uint8Array[]): Uint8Array[] {
  let left = parts.reduce((sum, { length }) => sum + length, 0);
  let memory = new Uint8Array(0);
  let at = 0;
  return parts.map((part) => {
    const { length } = part;
    if (at + length > memory.length) {
      memory = new Uint8Array(Math.max(length, Math.min(left, sharedBytes)));
      at = 0;
    }
    memory.set(part, at);
    at += length;
    left -= length;
    return memory.subarray(at - length, at);
  });
}

/** True when both hold the same bytes. Not constant-time: never use it on secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

/** Order of two byte strings: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const size = Math.min(a.length, b.length);
  for (let index = 0; index < size; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Fresh random bytes from the platform's secure generator. */
export function randomBytes(sizeBytes: number): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(sizeBytes));
}
