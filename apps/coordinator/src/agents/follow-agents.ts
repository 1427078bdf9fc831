/**
 * Keeps the list of agents as the chain has it. What a shared account does stands in a proposal, not in the approval:
 * whenever its members propose or approve something, the chain is asked how it is registered.
 */
import type { Hex } from '@aitbc/protocol';
import type { AgentChain } from '../chain/agent-chain.ts';
import type { BlockConsumer } from '../chain/follow-blocks.ts';
import { type FinalOperation, operationsOf } from '../chain/operations.ts';
import type { AgentRows } from '../store/coordination/agent-rows.ts';
import type { AgentRow } from '../store/schema.ts';

/** A reader of final blocks that stores registrations of agents. */
export function followAgents(
  agents: Pick<AgentRows, 'put'>,
  chain: Pick<AgentChain, 'agent'>,
): BlockConsumer {
  return {
    name: 'agents',
    async onBlock(block) {
      const rows: AgentRow[] = [];
      for (const operation of operationsOf(block)) {
        const agent = await registeredBy(chain, operation);
        if (agent) rows.push(agent);
      }
      if (rows.length > 0) await agents.put(rows);
    },
  };
}

async function registeredBy(
  chain: Pick<AgentChain, 'agent'>,
  { kind, from, body, place }: FinalOperation,
): Promise<AgentRow | undefined> {
  if (kind === 'agent_register') {
    const { name, endpoint, cardHash } = body as unknown as Registration;
    return { address: from, name, endpoint, card_hash: cardHash, place };
  }
  if (kind !== 'multisig_propose' && kind !== 'multisig_approve') return undefined;
  const agent = await chain.agent(String(body.multisig));
  if (!agent) return undefined;
  const { address, name, endpoint, cardHash } = agent;
  return { address, name, endpoint, card_hash: cardHash, place };
}

/** JSON form of the body; the node has checked it. */
interface Registration {
  readonly name: string;
  readonly endpoint: string;
  readonly cardHash: Hex;
}
