/** The genesis document as JSON, checked field by field before anything is derived from it. */
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Genesis } from '../network.ts';
import { zAddress, zAmount, zCount, zKey } from '../scalars.ts';
import { zChainParams } from './node/shapes.ts';

const genesisAccountsMax = 100_000;

const zGenesis = z.strictObject({
  network: z.string().regex(/^[a-z0-9-]{1,32}$/, 'expected a name of a-z, 0-9 and -'),
  timeMs: zCount,
  accounts: z
    .array(z.strictObject({ address: zAddress, balance: zAmount }))
    .max(genesisAccountsMax),
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
