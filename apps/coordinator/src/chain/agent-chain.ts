/** What the coordinator asks of the chain about agents and tasks. */
import { asAppError, type ChainTask, type ErrorCode, type Hex } from '@aitbc/protocol';
import type { NodeRpc } from '@aitbc/sdk';

/** An agent as the chain has it. */
export interface ChainAgent {
  readonly address: string;
  readonly name: string;
  readonly endpoint: string;
  readonly cardHash: Hex;
}

/** Questions about agents and tasks. Throws UNAVAILABLE or TIMEOUT while the node is away. */
export interface AgentChain {
  /** Undefined for an account that never registered. */
  agent(address: string): Promise<ChainAgent | undefined>;
  /** Undefined for none. */
  task(taskId: Hex): Promise<ChainTask | undefined>;
}

/** The questions over a node's JSON-RPC. */
export function createAgentChain(
  rpc: Pick<NodeRpc, 'state_getAgent' | 'state_getTask'>,
): AgentChain {
  return {
    agent: (address) => orUndefined('AGENT_UNKNOWN', () => rpc.state_getAgent({ address })),
    task: (taskId) => orUndefined('TASK_UNKNOWN', () => rpc.state_getTask({ taskId })),
  };
}

async function orUndefined<T>(code: ErrorCode, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (asAppError(error).code === code) return undefined;
    throw error;
  }
}
