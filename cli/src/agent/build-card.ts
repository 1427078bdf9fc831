/** The card of an agent, from a file or from what was typed. */
import { hex } from '@aitbc/primitives';
import { type AgentCard, AppError, makeAgentCard, readAgentCard, unwrap } from '@aitbc/protocol';
import { amountFromInput } from '../amounts.ts';
import type { Context } from '../context/context.ts';
import { readTextFile } from '../context/read-text-file.ts';
import { readAgentKey } from './agent-key.ts';

/** What may be typed. */
export interface CardOptions {
  readonly card: string | undefined;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly url: string | undefined;
  readonly skills: string | undefined;
  readonly from: string | undefined;
}

/** The card to register for an account. Throws CLI_USAGE, CARD_INVALID. */
export function buildCard(context: Context, address: string, options: CardOptions): AgentCard {
  if (options.card !== undefined) return cardFromFile(options.card);
  const { name, description = name, url, skills = '', from } = options;
  if (name === undefined || description === undefined) {
    const reason = 'Say who the agent is: --name and --skills, or --card with a file.';
    throw new AppError('CLI_USAGE', { reason });
  }
  const keys = readAgentKey(context.home);
  const ids = skills
    .split(',')
    .map((skill) => skill.trim().toLowerCase())
    .filter((skill) => skill !== '');
  const fromNait = from === undefined ? undefined : amountFromInput(from, false).toString();
  const card = makeAgentCard({
    ...{ address, name, description },
    url: url ?? `${context.urls.coordinator}/v1/agents/${address}`,
    skills: ids.map((id) => ({ id, name: id, description: id, tags: [] })),
    ...(keys ? { messageKey: hex(keys.publicKey) } : {}),
    ...(fromNait ? { prices: ids.map((skill) => ({ skill, fromNait })) } : {}),
  });
  return unwrap(readAgentCard(card)).card;
}

function cardFromFile(file: string): AgentCard {
  let value: unknown;
  try {
    value = JSON.parse(readTextFile(file, 'The card'));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('CLI_USAGE', { reason: `The card ${file} is no JSON.` }, { cause: error });
  }
  return unwrap(readAgentCard(value)).card;
}
