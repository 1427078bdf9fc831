/**
 * Keeps strangers from flooding the node through questions that need no login: at most `lookupsMax` of them are
 * with the node at a time, further ones are refused at once.
 */
import { AppError } from '@aitbc/protocol';
import type { AgentChain } from './agent-chain.ts';

const lookupsMax = 32;
const retryAfterSeconds = 1;

/** The same questions, bounded. Throws RATE_LIMITED besides. */
export function boundLookups(chain: AgentChain): AgentChain {
  let running = 0;
  const bounded = async <T>(ask: () => Promise<T>): Promise<T> => {
    if (running >= lookupsMax) throw new AppError('RATE_LIMITED', { retryAfterSeconds });
    running += 1;
    try {
      return await ask();
    } finally {
      running -= 1;
    }
  };
  return {
    agent: (address) => bounded(() => chain.agent(address)),
    task: (taskId) => bounded(() => chain.task(taskId)),
  };
}
