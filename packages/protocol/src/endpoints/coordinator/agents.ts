/**
 * Agents at a coordinator: who is registered on chain, with the cards that belong to the hashes there. Whoever has a
 * card may hand it in; the hash says whether it is the right one. See docs/spec/agents.md, "Registry".
 */
import { z } from 'zod';
import { zAgentCard } from '../../agents/agent-card.ts';
import { limits } from '../../limits.ts';
import { zAddress, zHash } from '../../scalars.ts';
import { type EndpointTable, endpoint } from '../endpoint.ts';
import { zAgent } from '../node/shapes.ts';

const zOneAgent = z.strictObject({ address: zAddress });

/** An agent with its card. */
export const zListedAgent = zAgent.extend({
  card: zAgentCard.nullable().meta({ description: 'null while nobody has handed it in' }),
});

export type ListedAgent = z.infer<typeof zListedAgent>;

export const agentEndpoints = {
  listAgents: endpoint({
    method: 'GET',
    path: '/v1/agents',
    summary: 'Agents that are registered on chain, by address, with their cards.',
    access: 'open',
    input: z.strictObject({
      skill: z
        .string()
        .min(1)
        .max(64)
        .optional()
        .meta({ description: 'id or tag of a skill in the card' }),
      q: z
        .string()
        .min(1)
        .max(64)
        .optional()
        .meta({ description: 'part of a name, a description or a skill' }),
      after: zAddress.optional(),
    }),
    output: z.object({ agents: z.array(zListedAgent), next: zAddress.nullable() }),
  }),
  getAgent: endpoint({
    method: 'GET',
    path: '/v1/agents/:address',
    summary: 'One agent as the chain has it now, with its card.',
    access: 'open',
    input: zOneAgent,
    output: zListedAgent,
  }),
  agentCard: endpoint({
    method: 'GET',
    path: '/v1/agents/:address/.well-known/agent-card.json',
    summary: 'The card alone, where A2A looks for it.',
    access: 'open',
    input: zOneAgent,
    output: zAgentCard,
  }),
  giveAgentCard: endpoint({
    method: 'POST',
    path: '/v1/agents/:address/card',
    summary: 'Takes the card whose hash the chain has for the agent.',
    access: 'open',
    input: z.strictObject({ address: zAddress, card: z.record(z.string(), z.unknown()) }),
    output: z.object({ cardHash: zHash }),
    bodyBytes: limits.agentCardBytes * 2,
  }),
} as const satisfies EndpointTable;
