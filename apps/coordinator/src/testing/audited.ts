/** A reported, verifiable job of a test provider, and what its buyer and its auditor sign and send. */
import { hex, sha256, sign, utf8 } from '@aitbc/primitives';
import {
  type AuditRecord,
  type AuditVerdict,
  auditRecordHashOf,
  loginBytes,
  offerIdOf,
  type ReplayMeasure,
  type SignedAuditReport,
  signAuditReport,
  wireBodyOf,
} from '@aitbc/protocol';
import { type Bench, type Identity, identityOf, network } from './harness.ts';
import { sellingProvider, signedOffer, signedReceipt } from './provider.ts';

/** Weights of the test market. */
export const digest = `sha256:${'0d'.repeat(32)}`;

const body = JSON.stringify(
  wireBodyOf({
    ...{ model: 'tiny', messages: [{ role: 'user', content: 'hello' }], temperature: 0 },
    ...{ maxTokens: 8, topP: undefined, topK: undefined, seed: undefined, stop: [] },
  }),
);

/** Id of the job of a name. */
export const jobIdOfName = (name: string): string => hex(sha256(utf8(`job ${name}`)));

/** The record of a job that the seller answered with `hi there`. */
export function recordOf(seller: Identity, name = 'one'): AuditRecord {
  const offer = signedOffer(seller, { verifiable: true, digest });
  const job = { jobId: jobIdOfName(name), offerId: offerIdOf(network, offer.payload), body };
  const receipt = signedReceipt(seller, job, { digest });
  return { v: 1, offer, body, former: [], parts: [{ receipt, text: 'hi there' }] };
}

/** Sells the weights, and hands in the report of a job; gives its record and the draw that the answer tells. */
export async function reportJob(bench: Bench, name = 'one', seller = 'seller') {
  const record = recordOf(identityOf(seller), name);
  const receipt = record.parts[0]?.receipt;
  if (!receipt) throw new Error('the record is empty');
  const { audit } = await bench.client.report({ receipt, firstTokenMs: 1, durationMs: 2 });
  return { record, audit };
}

/** Connects a provider of the weights. */
export async function connectSeller(bench: Bench, name: string) {
  bench.chain.register(identityOf(name));
  return sellingProvider(bench, name, { verifiable: true, digest });
}

/** Headers of a provider that is logged in over HTTP. */
export async function logIn({ client }: Pick<Bench, 'client'>, identity: Identity) {
  const { nonce } = await client.providerChallenge({});
  const signature = hex(sign(loginBytes(network, identity.accountId, nonce), identity.secretKey));
  const { token } = await client.providerLogin({ provider: identity.address, nonce, signature });
  return { headers: { authorization: `Bearer ${token}` } };
}

/** What a replay measures of an honest answer and of one by other weights. */
const honestMeasure: ReplayMeasure = {
  ...{ tokens: 100, exactTokens: 100, gapMeanMicro: 0, gapMaxMicro: 0 },
};
const cheatMeasure: ReplayMeasure = {
  ...{ tokens: 100, exactTokens: 60, gapMeanMicro: 500_000, gapMaxMicro: 7_000_000 },
};

/** A report of an auditor. */
export function reportBy(
  auditor: Identity,
  record: AuditRecord,
  verdict: AuditVerdict | 'cheat without a gap',
): SignedAuditReport {
  if (verdict === 'cheat without a gap') {
    return signedBy(auditor, record, { verdict: 'cheat', ...honestMeasure });
  }
  const measure = verdict === 'cheat' ? cheatMeasure : honestMeasure;
  return signedBy(auditor, record, { verdict, ...measure });
}

function signedBy(
  auditor: Identity,
  record: AuditRecord,
  finding: ReplayMeasure & { readonly verdict: AuditVerdict },
): SignedAuditReport {
  const { jobId, offerId } = record.parts[0]?.receipt.payload ?? { jobId: '', offerId: '' };
  const { provider } = record.offer.payload;
  const recordHash = auditRecordHashOf(network, record);
  const subject = { provider, jobId, offerId, digest, recordHash, ...finding };
  const payload = { v: 1 as const, network: network.caip2, auditor: auditor.address, ...subject };
  return signAuditReport(network, { ...payload, atMs: 1 }, auditor);
}
