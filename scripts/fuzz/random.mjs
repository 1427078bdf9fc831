/** Numbers from a seed: the same cases on every machine. */
import { createHash } from 'node:crypto';

/** Random numbers of one case: it depends on nothing but the three parts. */
export function randomOf(seed, name, index) {
  const start = createHash('sha256').update(`${seed} ${name} ${index}`).digest().readUInt32BE();
  return createRandom(start);
}

/** Mulberry32 with the draws that mutations need. */
function createRandom(start) {
  let state = start;
  const unit = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  /** A whole number from 0 up to, not including, `end`; 0 when there is none. */
  const below = (end) => Math.floor(unit() * end);
  const bytes = (size) => Uint8Array.from({ length: size }, () => below(256));
  return { below, bytes, pick: (values) => values[below(values.length)] };
}
