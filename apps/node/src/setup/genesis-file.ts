/** The genesis document on disk. */
import { readFileSync } from 'node:fs';
import { AppError, type Genesis, genesisFromJson } from '@aitbc/protocol';

/** Reads a genesis file. Throws AppError CONFIG_INVALID. */
export function readGenesisFile(path: string): Genesis {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = `the genesis file ${path} cannot be read: ${(error as Error).message}`;
    throw new AppError('CONFIG_INVALID', { reason }, { cause: error });
  }
  return genesisFromJson(json);
}
