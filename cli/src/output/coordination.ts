/** Outputs of agent and task commands. */
import {
  taskDocumentNames,
  taskEndpoints,
  zAddress,
  zAgentCard,
  zCount,
  zHash,
  zListedAgent,
  zListedTask,
  zTask,
  zTaskNews,
} from '@aitbc/protocol';
import { z } from 'zod';
import type { Outputs } from './shapes.ts';

const zStep = z.object({
  taskId: zHash,
  txId: zHash,
  isDocumentStored: z
    .boolean()
    .nullable()
    .meta({ description: 'null for a step without a document' }),
  task: zTask,
});

const zDocumentName = z.enum(taskDocumentNames);

export const coordinationOutputs: Outputs = {
  'agent register': z.object({
    address: zAddress,
    cardHash: zHash,
    txId: zHash,
    isCardStored: z.boolean(),
  }),
  'agent show': zListedAgent,
  'agent list': z.object({ agents: z.array(zListedAgent) }),
  'agent card': zAgentCard,
  'task post': zStep,
  'task accept': zStep,
  'task submit': zStep,
  'task approve': zStep,
  'task dispute': zStep,
  'task resolve': zStep,
  'task expire': zStep,
  'task give': z.object({ taskId: zHash, name: zDocumentName, hash: zHash }),
  'task list': z.object({ tasks: z.array(zListedTask) }),
  'task show': z.union([
    z.object({
      task: zListedTask,
      events: taskEndpoints.getTask.output.shape.events,
      documents: z.array(zDocumentName),
      exit: z.object({ atMs: zCount, to: z.enum(['poster', 'worker']) }).nullable(),
      moves: z.array(
        z.object({
          role: z.enum(['poster', 'worker', 'arbiter', 'anyone']),
          move: z.enum(['accept', 'submit', 'approve', 'dispute', 'resolve', 'expire']),
        }),
      ),
    }),
    z
      .object({ taskId: zHash, document: zDocumentName, text: z.string() })
      .meta({ description: 'with --document' }),
  ]),
  'task watch': zTaskNews.meta({ description: 'each line' }),
};
