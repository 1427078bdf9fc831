/** Genesis documents as files. */
import { readFileSync } from 'node:fs';
import { AppError, type Genesis, genesisFromJson } from '@aitbc/protocol';

/** The document of a file. Throws CONFIG_INVALID. */
export function readGenesisFile(file: string): Genesis {
  try {
    return genesisFromJson(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const reason = `the genesis file ${file} cannot be used: ${faultOf(error)}`;
    throw new AppError('CONFIG_INVALID', { reason }, { cause: error });
  }
}

/** The reason alone, where the error is one of ours. */
function faultOf(error: unknown): string {
  return error instanceof AppError ? String(error.facts.reason) : (error as Error).message;
}
