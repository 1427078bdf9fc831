/** Shapes that the outputs of several commands share. */
import { walletEndpoints, zAmount, zCount, zHash } from '@aitbc/protocol';
import { z } from 'zod';

/** Schemas by command, words joined by a space. */
export type Outputs = Readonly<Record<string, z.ZodType>>;

/** A transaction that was signed, sent and is final. */
export const zSentTx = z.object({
  txId: zHash.nullable(),
  height: zCount.nullable(),
  blockHash: zHash.nullable(),
  fee: zAmount,
  description: z.string(),
  effects: walletEndpoints.sign.output.shape.effects,
});

/** A line of a daemon's log. */
export const zLogLine = z.looseObject({ level: z.union([z.string(), z.number()]) });

/** Path of a file or folder. */
export const zPath = z.string().meta({ description: 'path' });

/** What every command prints when it fails. */
export const zErrorOutput = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  }),
});
