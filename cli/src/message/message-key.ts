/** The key that letters are signed with and sealed to: the agent's own, never one of the wallet. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hex, type KeyPair, randomBytes, seedBytes } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  asAppError,
  type Hex,
  readAgentCard,
  unwrap,
} from '@aitbc/protocol';
import { agentKeyFile, readAgentKey } from '../agent/agent-key.ts';
import type { Context } from '../context/context.ts';

/** The key of this home, made when there is none. */
export function openMessageKey(home: string): { keys: KeyPair; file: string; isNew: boolean } {
  const file = agentKeyFile(home);
  const known = readAgentKey(home);
  if (known) return { keys: known, file, isNew: false };
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${hex(randomBytes(seedBytes))}\n`, { flag: 'wx', mode: 0o600 });
  return { keys: messageKey(home), file, isNew: true };
}

/** The key of this home. Throws CLI_USAGE when there is none. */
export function messageKey(home: string): KeyPair {
  const keys = readAgentKey(home);
  if (keys) return keys;
  const reason = `There is no key for messages in ${home}. Make one: aitbc message key`;
  throw new AppError('CLI_USAGE', { reason });
}

/**
 * Key that letters to an address go to: the one that its identity card names, or the address itself. Throws ADDRESS_INVALID.
 */
export async function letterKeyOf(context: Context, address: string): Promise<Hex> {
  const accountId = unwrap(accountIdOf(address));
  const { coordinator } = await context.clients();
  try {
    const { card } = await coordinator.getAgent({ address }, { signal: context.signal });
    const read = card ? readAgentCard(card) : undefined;
    return read?.ok ? (read.value.facts.messageKey ?? accountId) : accountId;
  } catch (error) {
    if (asAppError(error).code === 'AGENT_UNKNOWN') return accountId;
    throw error;
  }
}
