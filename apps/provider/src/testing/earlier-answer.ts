/** The part of an answer that another provider gave, as its buyer shows it to the next one. */
import { hex, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import {
  addressOf,
  bodyDigestOf,
  firstPrefixHash,
  type Hex,
  type Network,
  nextPrefixHash,
  type ReceiptPayload,
  type Resume,
  type SignedReceipt,
  signDocument,
  textHashOf,
} from '@aitbc/protocol';

const seedOf = (byte: number) => new Uint8Array(32).fill(byte);
const other = keyPairFromSeed(seedOf(77));

/** The provider that died: account, and the key the chain should have registered for it. */
export const deadProvider = Object.freeze({
  address: addressOf(hex(seedOf(78))),
  authorizer: hex(other.publicKey),
});

export interface EarlierWishes {
  readonly jobId: Hex;
  readonly body: string;
  /** Text of each receipted range, and its tokens. */
  readonly ranges: readonly { readonly text: string; readonly tokens: number }[];
  /** What arrived after the last receipt. */
  readonly tail?: { readonly text: string; readonly tokens: number };
  readonly change?: Partial<ReceiptPayload>;
}

/** What the buyer shows, and where the answer goes on. */
export interface EarlierAnswer {
  readonly resume: Resume;
  readonly point: { readonly from: number; readonly prefixHash: Hex };
}

export function earlierAnswer(network: Network, wishes: EarlierWishes): EarlierAnswer {
  const { jobId, body, ranges, tail, change } = wishes;
  let prefixHash = firstPrefixHash(network, bodyDigestOf(utf8(body)));
  let from = 0;
  let receipt: SignedReceipt | null = null;
  const pieces: Resume['pieces'] = [];
  const add = ({ text, tokens }: { text: string; tokens: number }) => {
    const range = { prefixHash, textHash: textHashOf(text), from, to: from + tokens };
    pieces.push({ text, to: range.to });
    prefixHash = nextPrefixHash(network, range);
    from = range.to;
    return range;
  };
  for (const range of ranges) {
    const payload = { ...restOf(network, jobId), ...add(range), ...change };
    const signer = { publicKey: deadProvider.authorizer, secretKey: other.secretKey };
    receipt = signDocument({ tag: 'receipt', network }, payload, signer) as SignedReceipt;
  }
  if (tail) add(tail);
  return { resume: { pieces, receipt }, point: { from, prefixHash } };
}

function restOf(network: Network, jobId: Hex) {
  return {
    v: 1 as const,
    network: network.caip2,
    jobId,
    offerId: '11'.repeat(32),
    channelId: '22'.repeat(32),
    provider: deadProvider.address,
    model: 'test-model',
    digest: '',
    promptTokens: 0,
    outcome: 'running' as const,
    charged: '1',
    chargedCumulative: '1',
    atMs: 1,
  };
}
