/** Outputs of message commands. */
import { zAddress, zAmount, zBase64, zCount, zHash, zKey } from '@aitbc/protocol';
import { z } from 'zod';
import { type Outputs, zPath } from './shapes.ts';

const zSaid = {
  contentType: z.string(),
  text: z.string().nullable().meta({ description: 'null for bytes that are no text' }),
  payload: zBase64,
};

const zLetter = z.object({
  id: zHash,
  from: zAddress,
  timeMs: zCount,
  ...zSaid,
  replyTo: zHash.nullable(),
  missing: zCount.meta({ description: 'letters right before this one that never came' }),
});

export const messageOutputs: Outputs = {
  'message key': z.object({
    address: zAddress,
    publicKey: zKey,
    file: zPath,
    isNew: z.boolean(),
    balance: zAmount,
  }),
  'message send': z.object({
    id: zHash,
    state: z.enum(['delivered', 'stored', 'waiting']),
    to: zAddress,
  }),
  'message read': z.object({
    letters: z.array(zLetter),
    refused: z.record(z.string(), zCount).meta({ description: 'how many, by reason' }),
  }),
  'message listen': zLetter,
  'message topic publish': z.object({
    id: zHash,
    listeners: zCount.meta({ description: 'of this coordinator, now' }),
  }),
  'message topic listen': z.object({
    id: zHash,
    from: zAddress,
    timeMs: zCount,
    topic: z.string(),
    ...zSaid,
  }),
};
