/**
 * How deep the JSON of a body is nested. No request has ten levels; a body of ten thousand is small and parses quickly, but
 * whatever walks it afterwards by recursion, `JSON.stringify` among them, runs out of stack and looks like a bug.
 */

/** Levels that a body may have. */
export const nestingMax = 500;

const quote = 0x22;
const backslash = 0x5c;

/** True when objects and lists of a JSON text stand in one another more than `max` times. */
export function isNestedBeyond(text: string, max: number = nestingMax): boolean {
  if (text.length <= 2 * max || !hasOpeners(text, max)) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text.charCodeAt(at);
    if (sign === quote) at = endOfText(text, at);
    else if (sign === 0x5b || sign === 0x7b) {
      depth += 1;
      if (depth > max) return true;
    } else if (sign === 0x5d || sign === 0x7d) depth -= 1;
  }
  return false;
}

/** True for more than `max` opening brackets, wherever they stand: almost no text is looked at more closely. */
function hasOpeners(text: string, max: number): boolean {
  let left = max;
  for (const sign of ['[', '{']) {
    for (let at = text.indexOf(sign); at >= 0; at = text.indexOf(sign, at + 1)) {
      left -= 1;
      if (left < 0) return true;
    }
  }
  return false;
}

/** Place of the quote that ends the text that begins at `at`; of a text without end, the end of all. */
function endOfText(text: string, at: number): number {
  for (let next = text.indexOf('"', at + 1); next >= 0; next = text.indexOf('"', next + 1)) {
    let before = next;
    while (text.charCodeAt(before - 1) === backslash) before -= 1;
    if ((next - before) % 2 === 0) return next;
  }
  return text.length;
}
