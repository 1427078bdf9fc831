/** Numbers from a seed: the same cases on every machine. */
import { createHash } from 'node:crypto';

/** Random numbers of one case: it depends on nothing but the three parts. */
export function randomOf(seed, name, index) {
  return createRandoms(seed, name).at(index);
}

/**
 * The numbers of all cases of a target. `at(index)` starts those of one case and ends those of the one before: all
 * cases share one generator, because a million new ones would cost more than many a decoder.
 */
export function createRandoms(seed, name) {
  const base = createHash('sha256').update(`${seed} ${name}`).digest().readUInt32BE();
  const { random, start } = createRandom();
  return {
    at(index) {
      start(base ^ Math.imul(index + 1, 0x9e3779b1));
      return random;
    },
  };
}

/** Mulberry32 with the draws that mutations need. */
function createRandom() {
  let state = 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  /** A whole number from 0 up to, not including, `end`; 0 when there is none. */
  const below = (end) => Math.floor(unit() * end);
  const bytes = (size) => {
    const made = new Uint8Array(size);
    for (let at = 0; at < size; at += 1) made[at] = below(256);
    return made;
  };
  const start = (number) => {
    const mixed = Math.imul(number ^ (number >>> 16), 0x21f0aaad);
    state = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  };
  return { start, random: { below, bytes, pick: (values) => values[below(values.length)] } };
}
