/** A real proof of a paid job: signed offer and two signed receipts of a provider made for the test. */
import { hex, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import {
  addressOf,
  bodyDigestOf,
  firstPrefixHash,
  type JobProof,
  type Network,
  networkFromHash,
  nextPrefixHash,
  type OfferPayload,
  offerIdOf,
  type ReceiptPayload,
  signDocument,
  textHashOf,
} from '@aitbc/protocol';

/** Genesis hash that the sample is for. */
export const sampleGenesisHash = 'ab'.repeat(32);

/** A proof and what it was made of. */
export interface SampleProof {
  readonly network: Network;
  readonly proof: JobProof;
  readonly provider: string;
  readonly authorizer: string;
  readonly channelId: string;
}

/** The proof of a job of 20 output tokens that cost 4450 nait. */
export function sampleProof(): SampleProof {
  const network = networkFromHash('test', sampleGenesisHash);
  const pair = keyPairFromSeed(new Uint8Array(32).fill(7));
  const authorizer = hex(pair.publicKey);
  const signer = { publicKey: authorizer, secretKey: pair.secretKey };
  const provider = addressOf(authorizer);
  const offer = sampleOffer(network, provider, authorizer);
  const channelId = '03'.repeat(32);
  const bodyDigest = bodyDigestOf(utf8('{}'));
  const first = sampleReceipt({ network, offer, channelId }, bodyDigest);
  const last: ReceiptPayload = {
    ...first,
    from: 16,
    to: 20,
    prefixHash: nextPrefixHash(network, first),
    textHash: textHashOf('two'),
    outcome: 'complete',
    charged: '4450',
    chargedCumulative: '9450',
  };
  const sealed = (payload: ReceiptPayload) =>
    signDocument({ tag: 'receipt', network }, payload, signer);
  const proof: JobProof = {
    jobId: first.jobId,
    bodyDigest,
    offer: signDocument({ tag: 'offer', network }, offer, signer),
    receipts: [sealed(first), sealed(last)],
  };
  return { network, proof, provider, authorizer, channelId };
}

function sampleOffer(network: Network, provider: string, authorizer: string): OfferPayload {
  return {
    v: 1,
    network: network.caip2,
    provider,
    authorizer,
    endpoint: 'http://127.0.0.1:8008',
    model: 'tiny',
    digest: `sha256:${'ee'.repeat(32)}`,
    quantization: 'F16',
    contextMax: 2048,
    outputMax: 512,
    price: { inputPerMTok: '50000000', outputPerMTok: '150000000', perRequest: '1000' },
    windowTokens: 16,
    canResume: true,
    firstTokenMs: 5000,
    withdrawDelayMsMin: 1000,
    validFromMs: 1000,
    validUntilMs: 2000,
  };
}

function sampleReceipt(
  parts: { network: Network; offer: OfferPayload; channelId: string },
  bodyDigest: string,
): ReceiptPayload {
  const { network, offer, channelId } = parts;
  return {
    v: 1,
    network: network.caip2,
    jobId: '01'.repeat(32),
    offerId: offerIdOf(network, offer),
    channelId,
    provider: offer.provider,
    model: offer.model,
    digest: offer.digest,
    from: 0,
    to: 16,
    prefixHash: firstPrefixHash(network, bodyDigest),
    textHash: textHashOf('one '),
    promptTokens: 9,
    outcome: 'running',
    charged: '2400',
    chargedCumulative: '7400',
    atMs: 1,
  };
}
