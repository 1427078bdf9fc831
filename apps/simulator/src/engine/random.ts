/**
 * The only source of chance: xoshiro128**, seeded through splitmix32. Every part that draws gets its own
 * stream (`fork`), so that one more draw in one part does not move the numbers of all others; that keeps
 * a run recognisable while its faults are taken away one by one.
 */

/** A stream of random numbers; equal seeds give equal streams. */
export interface Random {
  /** A float of [0, 1). */
  unit(): number;
  /** A whole number of [0, below). */
  below(below: number): number;
  /** A whole number of [from, to], both included. */
  between(from: number, to: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One element; the list must not be empty. */
  pick<T>(list: readonly T[]): T;
  /** The list in random order, as a new one. */
  shuffled<T>(list: readonly T[]): T[];
  /** An independent stream; it depends on the seed and the name only, not on what was drawn. */
  fork(name: string): Random;
}

/** The stream of a seed, a whole number. */
export function createRandom(seed: number): Random {
  const words = seedWords(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0);
  let [a, b, c, d] = words;
  const next = (): number => {
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotated(d, 11);
    return result;
  };
  const unit = (): number => next() / 2 ** 32;
  const below = (limit: number): number => Math.floor(unit() * limit);
  return {
    unit,
    below,
    between: (from, to) => from + below(to - from + 1),
    chance: (probability) => unit() < probability,
    pick: <T>(list: readonly T[]) => list[below(list.length)] as T,
    shuffled: (list) => shuffle([...list], below),
    fork: (name) => createRandom(textHash(name, seed)),
  };
}

function shuffle<T>(list: T[], below: (limit: number) => number): T[] {
  for (let at = list.length - 1; at > 0; at -= 1) {
    const other = below(at + 1);
    const kept = list[at] as T;
    list[at] = list[other] as T;
    list[other] = kept;
  }
  return list;
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function seedWords(low: number, high: number): [number, number, number, number] {
  let state = low ^ Math.imul(high, 0x9e3779b1);
  const word = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  return [word(), word(), word(), word() | 1];
}

/** FNV-1a of a text and a number, 32 bits. */
function textHash(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ (seed >>> 0) ^ Math.floor(seed / 2 ** 32);
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
