/** What the coordinator asks of the chain, and the node client behind it. */
import { type Hex, isErrorCode, type Network, networkFromHash } from '@aitbc/protocol';
import { createNodeClient } from '@aitbc/sdk';
import { createFacilitatorChain, type FacilitatorChain } from '@aitbc/x402';
import { type AgentChain, createAgentChain } from './agent-chain.ts';
import { type AuditChain, createAuditChain } from './audit-chain.ts';
import { type BlockSource, createBlockSource } from './block-source.ts';

/** Identity and rules of the chain. */
export interface ChainFacts {
  readonly network: Network;
  /** Smallest bond of a provider, nait. */
  readonly providerBondMinNait: bigint;
}

/** A provider as the chain has it. */
export interface Registration {
  /** Hot key that signs logins, offers and receipts, hex. */
  readonly authorizer: Hex;
  readonly bondNait: bigint;
  /** Chain time at which an unbonding ends; 0 when the bond stays. */
  readonly unbondDueMs: number;
}

/** Questions to the chain. Throws UNAVAILABLE or TIMEOUT while the node is away. */
export interface ChainReader {
  facts(): Promise<ChainFacts>;
  /** Undefined for an account that is no provider. */
  provider(address: string): Promise<Registration | undefined>;
  /** Coins that an account holds, balance and vault together, nait; 0 for one that the chain does not know. */
  holding(address: string): Promise<bigint>;
  /** The chain as its facilitator sees it. */
  readonly x402: FacilitatorChain;
  /** The chain as audits need it. */
  readonly audits: AuditChain;
  /** The chain as agents and tasks need it. */
  readonly work: AgentChain;
  /** Final blocks. */
  readonly blocks: BlockSource;
  close(): Promise<void>;
}

const callTimeoutMs = 5_000; // a login waits for this answer
const settleTimeoutMs = 15_000; // a settlement waits for a final block

/** A reader of a node's JSON-RPC. */
export function createChainReader(nodeUrl: string): ChainReader {
  const node = createNodeClient({ url: nodeUrl, timeoutMs: callTimeoutMs });
  const settling = createNodeClient({ url: nodeUrl, timeoutMs: settleTimeoutMs });
  return {
    async facts() {
      const { network, genesisHash, params } = await node.rpc.chain_status({});
      return {
        network: networkFromHash(network, genesisHash),
        providerBondMinNait: BigInt(params.providerBondMin),
      };
    },
    async provider(address) {
      try {
        const found = await node.rpc.state_getProvider({ address });
        const { authorizer, bond, unbondDueMs } = found;
        return { authorizer, bondNait: BigInt(bond), unbondDueMs };
      } catch (error) {
        if (isUnknownProvider(error)) return undefined;
        throw error;
      }
    },
    async holding(address) {
      const { balance, vault } = await node.rpc.state_getAccount({ address });
      return BigInt(balance) + BigInt(vault);
    },
    x402: createFacilitatorChain({ ...node.rpc, tx_sendAndWait: settling.rpc.tx_sendAndWait }),
    audits: createAuditChain(node.rpc),
    work: createAgentChain(node.rpc),
    blocks: createBlockSource(node),
    async close() {
      await node.close();
      await settling.close();
    },
  };
}

function isUnknownProvider(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return isErrorCode(code) && code === 'PROVIDER_UNKNOWN';
}
