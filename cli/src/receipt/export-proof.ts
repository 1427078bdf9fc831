/** Joins what the gateway has of a job with its way to the chain, and checks the whole as its reader will. */
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  type Hex,
  type JobProof,
  networkFromGenesis,
  unwrap,
  verifyJobProof,
  zJobProof,
} from '@aitbc/protocol';
import {
  collectChainProof,
  createRpcLightSource,
  type LightTrust,
  type ProvenOffline,
  providersOf,
  verifyProofOffline,
} from '@aitbc/sdk';
import type { Context } from '../context/context.ts';
import { findTrust, type TrustWish } from './find-trust.ts';

/** A proof and what it shows. */
export interface ExportedProof extends ProvenOffline {
  readonly proof: JobProof;
}

/** Where the way to the chain begins. */
export type ExportWish = Pick<TrustWish, 'genesis' | 'trustedBlock'>;

/** The proof of a job. Throws JOB_UNKNOWN, CLI_USAGE without a genesis document, RECEIPT_INVALID when it does not hold. */
export async function exportProof(
  { context, clock }: { readonly context: Context; readonly clock: Clock },
  jobId: Hex,
  wish: ExportWish,
): Promise<ExportedProof> {
  const { signal, urls } = context;
  const { gateway, node } = await context.clients();
  const told = zJobProof.parse(await gateway.proof({ jobId }, { signal }));
  const trust = trustOf(context, wish, told);
  const network = 'genesis' in trust ? networkFromGenesis(trust.genesis) : trust.network;
  const providers = providersOf(unwrap(verifyJobProof(network, told)).parts);
  const source = createRpcLightSource(node, urls.node);
  const chain = await collectChainProof({ providers, trust }, { source, clock }, signal);
  const proof = { ...told, chain };
  return { proof, ...unwrap(verifyProofOffline(proof, trust, clock)) };
}

/** A way over several epochs needs their length, which only the genesis document has. */
function trustOf(context: Context, wish: ExportWish, told: JobProof): LightTrust {
  const { trust, genesis } = findTrust(context, { genesisHash: undefined, ...wish }, told);
  if ('genesis' in trust) return trust;
  if (!genesis || !('hash' in trust)) {
    const reason = 'Give --genesis <file>: the genesis document says how long an epoch is.';
    throw new AppError('CLI_USAGE', { reason });
  }
  return { ...trust, epochBlocks: genesis.params.epochBlocks };
}
