/** Agents as everybody sees them, and the cards that are handed in. */
import type { Clock } from '@aitbc/primitives';
import {
  type AgentCard,
  AppError,
  type agentEndpoints,
  type ListedAgent,
  limits,
  readAgentCard,
  skillWordsOf,
  unwrap,
} from '@aitbc/protocol';
import type { Handlers } from '@aitbc/service';
import type { AgentChain } from '../chain/agent-chain.ts';
import type { AgentRows, AgentWithCard } from '../store/coordination/agent-rows.ts';
import { fitText } from '../store/database/database.ts';

/** Parts behind the endpoints. */
export interface AgentDeps {
  readonly agents: AgentRows;
  readonly chain: AgentChain;
  readonly clock: Clock;
}

/** One handler for each row of the table of agents. */
export function createAgentHandlers<C>(deps: AgentDeps): Handlers<typeof agentEndpoints, C> {
  return {
    async listAgents({ skill, q, after }) {
      const limit = limits.pageSize;
      const word = skill?.toLowerCase();
      const rows = await deps.agents.page({ skill: word, q, after, limit });
      const next = rows.length === limit ? (rows.at(-1)?.address ?? null) : null;
      return { agents: rows.map(shownAgent), next };
    },
    getAgent: ({ address }) => showAgent(deps, address),
    async agentCard({ address }) {
      const { card } = await showAgent(deps, address);
      if (card) return card;
      throw new AppError('NOT_FOUND', { what: `the card of ${address}` });
    },
    giveAgentCard: ({ address, card }) => takeCard(deps, address, card),
  };
}

/** Throws AGENT_UNKNOWN; UNAVAILABLE or TIMEOUT for one that is not known here while the node is away. */
async function showAgent({ agents, chain }: AgentDeps, address: string): Promise<ListedAgent> {
  const known = await agents.get(address);
  if (known) return shownAgent(known);
  const agent = await chain.agent(address);
  if (!agent) throw new AppError('AGENT_UNKNOWN', { account: address });
  const document = (await agents.card(agent.cardHash)) ?? null;
  const { name, endpoint, cardHash } = agent;
  return { address, name, endpoint, cardHash, card: cardOf(document) };
}

/**
 * Stores a card when its hash is the one that the chain has for the agent, and it names this agent. Throws CARD_INVALID,
 * CARD_WRONG, AGENT_UNKNOWN, UNAVAILABLE, TIMEOUT.
 */
async function takeCard(
  { agents, chain, clock }: AgentDeps,
  address: string,
  value: unknown,
): Promise<{ cardHash: string }> {
  const { card, facts, cardHash } = unwrap(readAgentCard(value));
  const agent = await chain.agent(address);
  if (!agent) throw new AppError('AGENT_UNKNOWN', { account: address });
  if (cardHash !== agent.cardHash) {
    const expected = agent.cardHash;
    throw new AppError('CARD_WRONG', { got: cardHash, account: address, expected });
  }
  if (facts.address !== address) {
    throw new AppError('CARD_INVALID', { reason: `it is the card of ${facts.address}` });
  }
  const { name, endpoint } = agent;
  await agents.putCard(
    {
      cardHash,
      document: JSON.stringify(card),
      words: wordsOf(card),
      skills: skillWordsOf(card).map(fitText),
    },
    clock.nowMs(),
  );
  // Known before its block was followed; the block itself comes with a place above 0.
  await agents.put([{ address, name, endpoint, card_hash: cardHash, place: 0 }]);
  return { cardHash };
}

function wordsOf({ name, description, skills }: AgentCard): string {
  const texts = skills.flatMap((skill) => [skill.id, skill.name, ...skill.tags]);
  return fitText([name, description, ...texts].join('\n').toLowerCase());
}

function shownAgent({ address, name, endpoint, card_hash, document }: AgentWithCard): ListedAgent {
  return { address, name, endpoint, cardHash: card_hash, card: cardOf(document) };
}

/** A stored card was checked when it came in. */
function cardOf(document: string | null): AgentCard | null {
  return document === null ? null : (JSON.parse(document) as AgentCard);
}
