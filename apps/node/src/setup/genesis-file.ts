/** The genesis document on disk: JSON, checked field by field before anything is derived from it. */
import { readFileSync } from 'node:fs';
import {
  AppError,
  type Genesis,
  limits,
  zAddress,
  zAmount,
  zChainParams,
  zCount,
  zKey,
} from '@aitbc/protocol';
import { z } from 'zod';

const zGenesis = z.strictObject({
  network: z.string().regex(/^[a-z0-9-]{1,32}$/, 'expected a name of a-z, 0-9 and -'),
  timeMs: zCount,
  accounts: z.array(z.strictObject({ address: zAddress, balance: zAmount })).max(100_000),
  validators: z
    .array(z.strictObject({ publicKey: zKey, stake: zAmount, owner: zAddress.exactOptional() }))
    .min(1)
    .max(limits.validators),
  params: zChainParams,
});

/** The document of a parsed JSON value. Throws AppError CONFIG_INVALID that names the field. */
export function genesisFromJson(json: unknown): Genesis {
  const parsed = zGenesis.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const reason = `genesis document: ${issue?.path.join('.')}: ${issue?.message}`;
  throw new AppError('CONFIG_INVALID', { reason });
}

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
