/**
 * The agent's own key: a file in the home folder that the wallet does not know. Letters and results of tasks are sealed to
 * it. It signs no transaction and moves no coin; `aitbc message key` makes it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesFromHex, type KeyPair, keyPairFromSeed, seedBytes } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import { fileFault } from '../context/read-text-file.ts';

/** Path of the key file. */
export function agentKeyFile(home: string): string {
  return join(home, 'agent.key');
}

/** The key of the home folder; undefined when there is none. Throws CLI_USAGE for a file that holds none. */
export function readAgentKey(home: string): KeyPair | undefined {
  const file = agentKeyFile(home);
  if (!existsSync(file)) return undefined;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = `The key file ${file} cannot be read: ${fileFault(error)}.`;
    throw new AppError('CLI_USAGE', { reason }, { cause: error });
  }
  const seed = bytesFromHex(text.trim(), seedBytes);
  if (seed) return keyPairFromSeed(seed);
  throw new AppError('CLI_USAGE', { reason: `The key file ${file} does not hold 64 hex digits.` });
}
