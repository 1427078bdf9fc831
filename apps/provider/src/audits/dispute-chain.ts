/** The chain as disputes need it: audits that are open, and the transactions of those who take part. */
import {
  type AuditParams,
  asAppError,
  type ChainAuditJson,
  type ErrorCode,
  type Hex,
  type TxBody,
  type TxKind,
} from '@aitbc/protocol';
import type { NodeRpc, TxSender } from '@aitbc/sdk';

/** An audit on chain. */
export type Dispute = ChainAuditJson;

/** The chain. Throws UNAVAILABLE or TIMEOUT while the node is away. */
export interface DisputeChain {
  /** What the network asks of audits. */
  readonly params: AuditParams;
  open(): Promise<readonly Dispute[]>;
  /** Undefined for none. */
  get(auditId: Hex): Promise<Dispute | undefined>;
  jurorsOf(digest: Hex): Promise<readonly string[]>;
  /** True for the key that is registered for a provider, and for the one before it. */
  isKeyOf(provider: string, key: Hex): Promise<boolean>;
  /** Sends for the account of this provider and waits until it is final. Throws the chain's refusal. */
  send<K extends TxKind>(kind: K, body: TxBody<K>, signal?: AbortSignal): Promise<void>;
}

type Rpc = Pick<
  NodeRpc,
  'audit_get' | 'audits_open' | 'audit_jurors' | 'state_getProvider' | 'state_getProof'
>;

const pagesMax = 64; // a bound for a broken cursor

/** The chain behind a node and the sender of this provider's account. */
export function createDisputeChain(
  rpc: Rpc,
  { sender, params }: { readonly sender: TxSender; readonly params: AuditParams },
): DisputeChain {
  return {
    params,
    async open() {
      const open: Dispute[] = [];
      let after: Hex | undefined;
      for (let page = 0; page < pagesMax; page += 1) {
        const { audits, next } = await rpc.audits_open(after === undefined ? {} : { after });
        open.push(...audits);
        if (next === null) break;
        after = next;
      }
      return open;
    },
    get: (auditId) => orUndefined('AUDIT_UNKNOWN', () => rpc.audit_get({ auditId })),
    jurorsOf: async (digest) => (await rpc.audit_jurors({ digest })).jurors,
    async isKeyOf(address, key) {
      const known = await orUndefined('PROVIDER_UNKNOWN', () => rpc.state_getProvider({ address }));
      if (known?.authorizer === key) return true;
      // Who changes its key is judged by the one before: docs/spec/chain.md, "Agents and providers".
      const { value } = await rpc.state_getProof({ kind: 'formerKey', address });
      return value?.startsWith(key) ?? false;
    },
    async send(kind, body, signal) {
      await sender.send(kind, body, { signal });
    },
  };
}

/**
 * Undefined when it went well, else the code of a refusal that will not change, or that the caller expects. Throws what
 * may go better later.
 */
export async function refusalOf(
  sending: Promise<void>,
  expected: readonly ErrorCode[] = [],
): Promise<ErrorCode | undefined> {
  try {
    await sending;
    return undefined;
  } catch (error) {
    const { code, row } = asAppError(error);
    const isPassing = row.retryable && !expected.includes(code);
    if (isPassing || code === 'CANCELLED') throw error;
    return code;
  }
}

async function orUndefined<T>(code: ErrorCode, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (asAppError(error).code === code) return undefined;
    throw error;
  }
}
