/** What an agent must not forget, in a folder: a key that only its owner reads, and one JSON file for each part. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesFromHex, hex, keyPairFromSeed, randomBytes, seedBytes } from '@aitbc/primitives';

/** The text of a file, undefined when there is none. */
function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Keys of an agent, made with the first run. */
export function keysIn(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'agent.key');
  const known = textOf(path);
  if (known === undefined) writeFileSync(path, `${hex(randomBytes(seedBytes))}\n`, { mode: 0o600 });
  const seed = bytesFromHex((known ?? textOf(path)).trim(), seedBytes);
  if (!seed) throw new Error(`${path} holds no key`);
  return keyPairFromSeed(seed);
}

/** Store of an agent. A part is written to a second file first, so that a crash leaves the old one or the new one. */
export function createFileStore(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    load(part) {
      const text = textOf(join(folder, `${part}.json`));
      return text === undefined ? undefined : JSON.parse(text);
    },
    save(part, value) {
      const path = join(folder, `${part}.json`);
      writeFileSync(`${path}.new`, JSON.stringify(value), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
  };
}
