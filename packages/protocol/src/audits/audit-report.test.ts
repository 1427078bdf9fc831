import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { describe, expect, it } from 'vitest';
import { addressOf } from '../fields.ts';
import { network, other } from '../payments/testing/proof-maker.ts';
import {
  type AuditReportPayload,
  auditReportHashOf,
  measureOf,
  signAuditReport,
  verifyAuditReport,
  zSignedAuditReport,
} from './audit-report.ts';

const pair = keyPairFromSeed(new Uint8Array(32).fill(5));
const key = hex(pair.publicKey);
const signer = { publicKey: key, secretKey: pair.secretKey };
const hash = (fill: string) => fill.repeat(32);
const payload: AuditReportPayload = {
  v: 1,
  network: network.caip2,
  auditor: addressOf(key),
  provider: addressOf(hash('07')),
  jobId: hash('01'),
  offerId: hash('02'),
  digest: `sha256:${hash('03')}`,
  recordHash: hash('04'),
  verdict: 'cheat',
  ...{ tokens: 100, exactTokens: 90, gapMeanMicro: 20_700, gapMaxMicro: 2_160_000 },
  atMs: 5,
};

function reasonOf(change: Partial<AuditReportPayload>, authorizer = key): string {
  const report = signAuditReport(network, { ...payload, ...change }, signer);
  const verdict = verifyAuditReport(network, report, authorizer);
  if (verdict.ok) return 'valid';
  expect(verdict.code).toBe('AUDIT_REPORT_INVALID');
  return String(verdict.facts.reason);
}

describe('an audit report', () => {
  it('holds what its auditor signed, and nothing else', () => {
    const report = signAuditReport(network, payload, signer);
    expect(zSignedAuditReport.parse(report)).toEqual(report);
    expect(verifyAuditReport(network, report, key)).toEqual({ ok: true, value: payload });
    const changes: Partial<AuditReportPayload>[] = [
      { auditor: addressOf(hash('08')) },
      { provider: addressOf(hash('08')) },
      { jobId: hash('08') },
      { offerId: hash('08') },
      { digest: '' },
      { recordHash: hash('08') },
      { verdict: 'honest' },
      { tokens: 101 },
      { exactTokens: 89 },
      { gapMeanMicro: 1 },
      { gapMaxMicro: 2_160_001 },
      { atMs: 6 },
    ];
    const hashes = new Set([auditReportHashOf(network, payload)]);
    for (const change of changes) {
      const changed = { ...report, payload: { ...payload, ...change } };
      const verdict = verifyAuditReport(network, changed, key);
      expect(verdict).toMatchObject({ ok: false, facts: { reason: 'its signature is wrong' } });
      hashes.add(auditReportHashOf(network, changed.payload));
    }
    expect(hashes.size).toBe(changes.length + 1);
    expect(auditReportHashOf(other, payload)).not.toBe(auditReportHashOf(network, payload));
  });

  it('is refused from another key, for another network, and about oneself', () => {
    expect(reasonOf({})).toBe('valid');
    expect(reasonOf({}, hash('09'))).toMatch(/not the one registered/);
    expect(reasonOf({ network: other.caip2 })).toMatch(/another network/);
    expect(reasonOf({ provider: payload.auditor })).toBe('nobody audits himself');
  });

  it('is refused when its figures cannot be those of one replay', () => {
    const wrong = 'its figures contradict one another';
    expect(reasonOf({ exactTokens: 101 })).toBe(wrong);
    expect(reasonOf({ gapMeanMicro: 2_160_001 })).toBe(wrong);
    expect(reasonOf({ exactTokens: 100 })).toBe(wrong);
    const exact = { tokens: 100, exactTokens: 100, gapMeanMicro: 0, gapMaxMicro: 0 };
    expect(reasonOf({ ...exact, verdict: 'honest' })).toBe('valid');
    expect(measureOf({ ...payload, ...exact })).toEqual(exact);
  });
});
