/** A real proof of a paid job, with signatures of two providers made for the test. */
import {
  type JobProof,
  type Network,
  networkFromHash,
  type SignedOffer,
  type SignedReceipt,
} from '@aitbc/protocol';
import { type MadeProvider, makeJob } from '@aitbc/sdk/testing';

/** Genesis hash that the sample is for. */
export const sampleGenesisHash = 'ab'.repeat(32);

/** A proof and what it was made of. */
export interface SampleProof {
  readonly network: Network;
  readonly proof: JobProof;
  readonly providers: readonly MadeProvider[];
  /** Channels in the order of the providers. */
  readonly channels: readonly string[];
  /** Address, offer and receipts of the first provider. */
  readonly provider: string;
  readonly offer: SignedOffer;
  readonly receipts: readonly SignedReceipt[];
}

/** The proof of a job of 25 output tokens that cost 4600 nait, without its way to the chain. */
export function sampleProof(): SampleProof {
  const network = networkFromHash('test', sampleGenesisHash);
  const job = makeJob(network);
  const [part] = job.proof.parts;
  const [provider] = job.providers;
  if (!part || !provider) throw new Error('a made job has providers');
  return {
    network,
    ...job,
    provider: provider.address,
    offer: part.offer,
    receipts: part.receipts,
  };
}
