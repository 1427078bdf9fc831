/** Registers an agent on chain and hands its card in. */
import {
  type AgentCard,
  AppError,
  asAppError,
  type Hex,
  limits,
  readAgentCard,
  unwrap,
} from '@aitbc/protocol';
import { pause } from '../chain/pause.ts';
import { assertFinal, type SendOptions, type TxSender } from '../chain/tx-sender.ts';
import type { CoordinatorClient } from '../http/clients.ts';

/** What a registration needs. */
export interface RegisterDeps {
  readonly sender: TxSender;
  readonly coordinator: Pick<CoordinatorClient, 'giveAgentCard'>;
}

/** A registration that is final. */
export interface RegisteredAgent {
  readonly address: string;
  readonly cardHash: Hex;
  readonly txId: Hex;
  /** False when the coordinator has not taken the card. */
  readonly isCardStored: boolean;
}

const waitMs = 20_000;
const giveTries = 20;
const giveEveryMs = 250;

/** Body of the transaction that registers a card. Throws CARD_INVALID, also for the card of another account. */
export function agentRegistrationOf(card: AgentCard, address: string) {
  const { facts, cardHash } = unwrap(readAgentCard(card));
  if (facts.address !== address) {
    throw new AppError('CARD_INVALID', { reason: `it is the card of ${facts.address}` });
  }
  const [{ url: endpoint } = { url: '' }] = card.supportedInterfaces;
  return { name: shortened(card.name), endpoint, cardHash };
}

/** Registers the account of the sender with this card. Throws CARD_INVALID, the refusals of the chain, UNAVAILABLE. */
export async function registerAgent(
  deps: RegisterDeps,
  card: AgentCard,
  options: SendOptions = {},
): Promise<RegisteredAgent> {
  const { sender } = deps;
  const { address } = sender.signer;
  const body = agentRegistrationOf(card, address);
  const status = await sender.send('agent_register', body, { waitMs, ...options });
  const { tx, receipt } = assertFinal(status, options.waitMs ?? waitMs);
  const txId = receipt?.txId ?? tx.txId ?? '';
  const isCardStored = await giveCard(deps, { address, card }, options);
  return { address, cardHash: body.cardHash, txId, isCardStored };
}

/** True when the coordinator took the card; its node may be a moment behind, so it is tried for a while. */
export async function giveCard(
  { coordinator }: Pick<RegisterDeps, 'coordinator'>,
  { address, card }: { readonly address: string; readonly card: AgentCard },
  { signal }: Pick<SendOptions, 'signal'> = {},
): Promise<boolean> {
  for (let tries = 1; tries <= giveTries; tries += 1) {
    try {
      await coordinator.giveAgentCard({ address, card }, { signal });
      return true;
    } catch (error) {
      const { code, row } = asAppError(error);
      if (!row.retryable && code !== 'AGENT_UNKNOWN' && code !== 'CARD_WRONG') return false;
      await pause(giveEveryMs, signal);
    }
  }
  return false;
}

/** The chain keeps a shorter name than the card. */
function shortened(name: string): string {
  let text = name;
  while (new TextEncoder().encode(text).length > limits.nameBytes)
    text = [...text].slice(0, -1).join('');
  return text;
}
