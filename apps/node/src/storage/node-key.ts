/** The key of a node that is no validator: who it is to its peers. It is made once and stays with its folder. */
import { existsSync, mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes, seedBytes } from '@aitbc/primitives';
import { type Identity, readKeyFile, writeKeyFile } from '../setup/key-file.ts';
import { syncFolder } from './files.ts';

/** Name of the file in the data folder. */
export const nodeKeyName = 'node.key';

/** Reads the node key of a data folder, or makes one. Throws AppError CONFIG_INVALID when others may read it. */
export async function openNodeKey(folder: string): Promise<Identity> {
  const path = join(folder, nodeKeyName);
  if (existsSync(path)) return readKeyFile(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeKeyFile(path, randomBytes(seedBytes));
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(folder);
  return readKeyFile(path);
}
