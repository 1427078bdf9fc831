/** Agents as rows and facts. */
import { agentExtensionUri, type ListedAgent, zAgentFacts } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';
import { shortHash } from '../wording.ts';

/** Titles of the columns of `agentRow`. */
export const agentHead = ['agent', 'name', 'skills'];

/** One agent of the list. */
export function agentRow({ address, name, card }: ListedAgent): string[] {
  const skills = card?.skills.map(({ id }) => id).join(', ');
  return [address, name, skills ?? 'its card is not here'];
}

/** Facts of one agent. */
export function agentFacts({ address, name, endpoint, cardHash, card }: ListedAgent): string[][] {
  const facts = zAgentFacts.safeParse(
    card?.capabilities.extensions?.find(({ uri }) => uri === agentExtensionUri)?.params,
  ).data;
  const prices = facts?.prices?.map(({ skill, fromNait }) => `${skill} from ${aitText(fromNait)}`);
  return [
    ['agent', address],
    ['name', name],
    ...(card && card.name !== name ? [['full name', card.name]] : []),
    ...(card ? [['about', card.description]] : []),
    ['answers at', endpoint],
    ...(card ? [['skills', card.skills.map(({ id }) => id).join(', ') || 'none']] : []),
    ...(prices?.length ? [['prices', prices.join(', ')]] : []),
    ...(facts?.messageKey ? [['letters go to', facts.messageKey]] : []),
    ['card', card ? `${shortHash(cardHash)}, as on chain` : `${shortHash(cardHash)}, not here`],
  ];
}
