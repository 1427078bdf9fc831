import { hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  type AuditVerdict,
  addressOf,
  auditIdOf,
  type Hex,
  networkFromHash,
  signAuditReport,
} from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { recomputeScore, type ToldScore } from './recompute-score.ts';

const network = networkFromHash('ait-test', 'ab'.repeat(32));
const [seller, auditor, stranger] = [1, 2, 3].map((seed) => {
  const { publicKey, secretKey } = keyPairFromSeed(new Uint8Array(32).fill(seed));
  return { publicKey: hex(publicKey), secretKey, address: addressOf(hex(publicKey)) };
}) as [Actor, Actor, Actor];
interface Actor {
  readonly publicKey: Hex;
  readonly secretKey: Uint8Array;
  readonly address: string;
}
type ToldAudit = NonNullable<ToldScore['audits']>[number];

const measure = { tokens: 9, exactTokens: 9, gapMeanMicro: 0, gapMaxMicro: 0 };
const jobIdOf = (at: number): Hex => at.toString(16).padStart(64, '0');

function audit(at: number, verdict: AuditVerdict, signer: Actor = auditor): ToldAudit {
  const jobId = jobIdOf(at);
  const about = { auditor: auditor.address, provider: seller.address, jobId };
  const hashes = { offerId: jobId, recordHash: jobId, digest: 'sha256:00' };
  const payload = { v: 1 as const, network: network.caip2, ...about, ...hashes, verdict };
  return {
    ...{ jobId, provider: seller.address, digest: 'sha256:00', recordHash: jobId },
    state: verdict === 'cheat' ? 'guilty' : 'honest',
    ...{ seed: jobId, drawHeight: 1, rateBps: 300, auditor: auditor.address, auditId: null },
    report: signAuditReport(network, { ...payload, ...measure, atMs: 1 }, signer),
    atMs: 1,
  };
}

const guilty = new Set([
  auditIdOf(network, { jobId: jobIdOf(9), provider: seller.publicKey, recordHash: jobIdOf(9) }),
]);

function recompute(audits: readonly ToldAudit[]) {
  const told = { provider: seller.address, score: 0, formula: 1 as const, audits: [...audits] };
  const inputs = { receipts: 0, delivered: 0, broken: 0, deadlineHits: 0, deadlineMisses: 0 };
  return recomputeScore(
    { ...told, inputs: { ...inputs, auditsPassed: 99, auditsFailed: 99 } },
    {
      network,
      authorizerOf: async (address) => (address === auditor.address ? auditor : seller).publicKey,
      resultOf: async (auditId) => (guilty.has(auditId) ? 'guilty' : null),
    },
  );
}

describe('the audits of a score', () => {
  it('are counted from signed reports and from what the chain decided, not as told', async () => {
    const { inputs, audits, score } = await recompute([
      audit(1, 'honest'),
      audit(2, 'honest'),
      audit(9, 'cheat'),
    ]);
    expect([inputs.auditsPassed, inputs.auditsFailed, audits]).toEqual([2, 1, 3]);
    expect(score).toBe(Math.floor((1_000 * 3) / (3 + 4)));
  });

  it.each([
    ['one job counted twice', () => [audit(1, 'honest'), audit(1, 'honest')]],
    ['a report that its auditor did not sign', () => [audit(1, 'honest', stranger)]],
    ['a report of another provider', () => [{ ...audit(1, 'honest'), provider: auditor.address }]],
    ['a report about another job', () => [{ ...audit(1, 'honest'), jobId: jobIdOf(2) }]],
    ['no report', () => [{ ...audit(1, 'honest'), report: null }]],
    ['a cheat told as honest', () => [{ ...audit(9, 'cheat'), state: 'honest' as const }]],
    ['guilt that the chain does not know', () => [audit(8, 'cheat')]],
  ])('do not count with %s', async (_what, made) => {
    await expect(recompute(made())).rejects.toMatchObject({ code: 'AUDIT_REPORT_INVALID' });
  });
});
