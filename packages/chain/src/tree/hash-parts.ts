/**
 * Hashing of the parts of entries, one after the other through one buffer: a small array that is handed to
 * the native hasher itself would be moved out of the young heap, which costs more than its hash.
 */
import { sha256Into } from '@aitbc/primitives';
import { hashBytes } from '@aitbc/protocol';

/** Puts the hash of a content to word `at` of `target`. */
export type HashPart = (content: Uint8Array, target: Uint32Array, at: number) => void;

const bufferBytes = 1_024; // above the longest entry of today; a longer one is hashed where it lies

/** A hasher with a buffer of its own. */
export function createPartHasher(): HashPart {
  const digest = new Uint8Array(hashBytes);
  const words = new Uint32Array(digest.buffer);
  const buffer = new Uint8Array(bufferBytes);
  const views: (Uint8Array | undefined)[] = new Array(bufferBytes + 1);
  return (content, target, at) => {
    const sizeBytes = content.length;
    if (sizeBytes > bufferBytes) sha256Into(digest, content);
    else {
      const view = views[sizeBytes] ?? buffer.subarray(0, sizeBytes);
      views[sizeBytes] = view;
      view.set(content);
      sha256Into(digest, view);
    }
    for (let word = 0; word < words.length; word += 1) target[at + word] = words[word] as number;
  };
}
