/** What everybody in the commerce of a simulated ledger looks at, and what they do. */
import type { Hex, Network, TxBody, TxKind } from '@aitbc/protocol';
import type { Random } from '../engine/random.ts';
import type { View } from './view.ts';

/** Someone with a key. */
export interface Person {
  readonly id: Hex;
  readonly secretKey: Uint8Array;
}

/** One transaction to be: who sends it and what it says. */
export type Deed = {
  [K in TxKind]: { readonly from: Person; readonly kind: K; readonly body: TxBody<K> };
}[TxKind];

/** The world as the makers of deeds see it. */
export interface Scene {
  readonly network: Network;
  readonly people: readonly Person[];
  /** Keys of validators; the person at the same place owns each. */
  readonly validators: readonly Person[];
  readonly random: Random;
  readonly view: View;
  /** Chain time of the newest block, and its height. */
  readonly now: () => { readonly timeMs: number; readonly height: number };
  /** Votes against the truth on every jury; undefined when all jurors are honest. */
  readonly liar: Hex | undefined;
}

/** Makes a deed, or none when there is nothing to do. */
export type DeedMaker = (scene: Scene) => Deed | undefined;

/** A person by its account id. */
export function personOf({ people }: Scene, id: Hex): Person | undefined {
  return people.find((person) => person.id === id);
}

/** One entry of a table that fits, at random. */
export function pickEntry<T>(
  { random }: Scene,
  table: ReadonlyMap<Hex, T>,
  fits: (entry: T, id: Hex) => boolean,
): readonly [Hex, T] | undefined {
  const found = [...table].filter(([id, entry]) => fits(entry, id));
  return found.length > 0 ? random.pick(found) : undefined;
}

/** 32 random bytes, hex. */
export function randomHash({ random }: Scene): Hex {
  let text = '';
  while (text.length < 64)
    text += random
      .below(2 ** 16)
      .toString(16)
      .padStart(4, '0');
  return text;
}

/** An amount between 1 and a bound, small ones as often as large ones. */
export function randomAmount({ random }: Scene, max: number): bigint {
  return BigInt(Math.max(1, Math.floor(max ** random.unit())));
}
