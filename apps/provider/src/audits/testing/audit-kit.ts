/** Records, disputes and a chain for tests of a provider's audits. */
import { hex, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import {
  AppError,
  type AuditParams,
  type AuditRecord,
  addressOf,
  auditIdOf,
  auditRecordHashOf,
  bodyDigestOf,
  type ErrorCode,
  firstPrefixHash,
  type Hex,
  networkFromHash,
  type OfferPayload,
  offerIdOf,
  type SignedReceipt,
  signDocument,
  type TxKind,
  textHashOf,
  wireBodyOf,
} from '@aitbc/protocol';
import type { Dispute, DisputeChain } from '../dispute-chain.ts';

export const network = networkFromHash('ait-test', 'ab'.repeat(32));
export const digest = `sha256:${'0d'.repeat(32)}`;
export const voteMs = 10_000;

/** Somebody with an account and a hot key. */
export interface Actor {
  readonly accountId: Hex;
  readonly address: string;
  readonly publicKey: Hex;
  readonly secretKey: Uint8Array;
}

/** Actor number `seed`. */
export function actorOf(seed: number): Actor {
  const account = hex(keyPairFromSeed(new Uint8Array(32).fill(seed)).publicKey);
  const hot = keyPairFromSeed(new Uint8Array(32).fill(seed + 100));
  const keys = { publicKey: hex(hot.publicKey), secretKey: hot.secretKey };
  return { accountId: account, address: addressOf(account), ...keys };
}

export const [me, seller, other] = [actorOf(1), actorOf(2), actorOf(3)] as const;
export const jobId = '77'.repeat(32);

const body = JSON.stringify(
  wireBodyOf({
    ...{ model: 'tiny', messages: [{ role: 'user', content: 'hello' }], temperature: 0 },
    ...{ maxTokens: 8, topP: undefined, topK: undefined, seed: undefined, stop: [] },
  }),
);

/** The record of an answer of the seller, signed with a key. */
export function recordOf(signer: Actor = seller): AuditRecord {
  const payload: OfferPayload = {
    ...{ v: 1, network: network.caip2, provider: seller.address, authorizer: signer.publicKey },
    ...{ endpoint: 'http://127.0.0.1:1', model: 'tiny', digest, quantization: 'F16' },
    ...{ contextMax: 512, outputMax: 64, windowTokens: 4, serves: ['chat'], canResume: true },
    price: { inputPerMTok: '1', outputPerMTok: '1', perRequest: '0' },
    ...{ verifiable: true, firstTokenMs: 1_000, withdrawDelayMsMin: 1 },
    ...{ validFromMs: 0, validUntilMs: 1 },
  };
  const offer = signDocument({ tag: 'offer', network }, payload, signer);
  const range = { prefixHash: firstPrefixHash(network, bodyDigestOf(utf8(body))), from: 0, to: 2 };
  const terms = { jobId, offerId: offerIdOf(network, payload), channelId: 'cc'.repeat(32) };
  const facts = { provider: seller.address, model: 'tiny', digest, promptTokens: 1 };
  const money = { outcome: 'complete' as const, charged: '1', chargedCumulative: '1', atMs: 1 };
  const text = 'hi there';
  const receipt: SignedReceipt = signDocument(
    { tag: 'receipt', network },
    {
      v: 1 as const,
      ...{ network: network.caip2, ...terms, ...facts, ...range, ...money },
      textHash: textHashOf(text),
    },
    signer,
  );
  return { v: 1, offer, body, former: [], parts: [{ receipt, text }] };
}

export const record = recordOf();
export const recordHash = auditRecordHashOf(network, record);
export const auditId = auditIdOf(network, { jobId, provider: seller.accountId, recordHash });

/** A dispute about the record, with this provider on the jury. */
export function disputeOf(changes: Partial<Dispute> = {}): Dispute {
  return {
    ...{ auditId, provider: seller.address, opener: other.address, jobId, recordHash },
    ...{ digest: '0d'.repeat(32), round: 1, phase: 'commit', dueMs: voteMs },
    ...{ firstResult: null, result: null, deposit: '1', appellant: null, appealDeposit: '0' },
    held: '0',
    seats: [seatOf()],
    ...changes,
  };
}

/** This provider's seat. */
export function seatOf(changes: Partial<Dispute['seats'][number]> = {}): Dispute['seats'][number] {
  const nothing = { committed: false, verdict: null, reportHash: null };
  return { juror: me.address, round: 1, ...nothing, ...changes };
}

/** A chain that answers what the test says and keeps what is sent. */
export interface FakeDisputeChain extends DisputeChain {
  readonly sent: { kind: TxKind; body: Record<string, unknown> }[];
  readonly known: Map<Hex, Dispute>;
  /** Jurors of every digest. */
  readonly jurors: string[];
  /** Next send is refused with this. */
  refuses: ErrorCode | undefined;
}

/** A chain on which the seller and this provider are registered. */
export function createFakeDisputeChain(params: Partial<AuditParams> = {}): FakeDisputeChain {
  const known = new Map<Hex, Dispute>();
  const jurors: string[] = [];
  const keys = new Map([seller, me].map(({ address, publicKey }) => [address, publicKey]));
  return {
    params: { depositMinNait: 5n, slashBps: 2_000, voteMs, receiptAgeMs: 1, ...params },
    ...{ sent: [], known, jurors, refuses: undefined },
    open: async () => [...known.values()].filter(({ phase }) => phase !== 'closed'),
    get: async (id) => known.get(id),
    jurorsOf: async () => jurors,
    isKeyOf: async (address, key) => keys.get(address) === key,
    async send(kind, sentBody) {
      const code = this.refuses;
      this.refuses = undefined;
      if (code) throw new AppError(code, { auditId, phase: 'x', dueAt: 1, now: 1 });
      this.sent.push({ kind, body: sentBody as Record<string, unknown> });
      if (kind === 'auditor_enroll') jurors.push(me.address);
    },
  };
}
