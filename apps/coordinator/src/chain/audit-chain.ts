/** What the coordinator asks of the chain about audits: blocks that draw, and disputes. */
import { asAppError, type ChainAuditJson, type ErrorCode, type Hex } from '@aitbc/protocol';
import type { NodeRpc } from '@aitbc/sdk';

/** A dispute as the chain has it. */
export interface ChainAudit {
  /** What was decided for good; null while it is not. */
  readonly result: ChainAuditJson['result'];
  /** Addresses of all who were drawn to judge it. */
  readonly jurors: readonly string[];
}

/** Questions about audits. Throws UNAVAILABLE or TIMEOUT while the node is away. */
export interface AuditChain {
  /** Height of the newest final block at a moment after the call. */
  height(): Promise<number>;
  /** Hash of a final block; undefined for a height that is not reached. */
  blockHash(height: number): Promise<Hex | undefined>;
  /** Undefined for none. */
  audit(auditId: Hex): Promise<ChainAudit | undefined>;
}

/** The questions over a node's JSON-RPC. */
export function createAuditChain(
  rpc: Pick<NodeRpc, 'chain_status' | 'chain_getHeader' | 'audit_get'>,
): AuditChain {
  return {
    height: shared(async () => (await rpc.chain_status({})).height),
    blockHash: (height) =>
      orUndefined('NOT_FOUND', async () => (await rpc.chain_getHeader({ height })).hash),
    audit: (auditId) =>
      orUndefined('AUDIT_UNKNOWN', async () => {
        const { result, seats } = await rpc.audit_get({ auditId });
        return { result, jurors: seats.map(({ juror }) => juror) };
      }),
  };
}

/** A call whose answer is given to all who asked before it began. */
export function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  return () => {
    next ??= running.then(() => {
      next = undefined;
      const answer = ask();
      running = answer.catch(() => {});
      return answer;
    });
    return next;
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
