import { hex, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf, type Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { networkFromHash } from '../network.ts';
import { signDocument } from '../payments/document.ts';
import type { ReceiptPayload } from '../payments/receipt.ts';
import {
  type AuditVote,
  auditCommitmentOf,
  auditDigestOf,
  auditIdOf,
  auditReceiptBytesOf,
  auditVerdictNumberOf,
  auditVerdictOf,
  auditVerdicts,
  convictionIdOf,
  drawOrder,
  isDrawnForAudit,
  readAuditReceipt,
} from './audit.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const idOf = (number: number): Hex => number.toString(16).padStart(64, '0');
const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hex);
const candidates = Array.from({ length: 10 }, (_, at) => idOf(at + 1));
const trial = { jobId: idOf(1), provider: idOf(2), recordHash: idOf(3) };
const vote: AuditVote = {
  auditId: idOf(1),
  juror: idOf(2),
  round: 1,
  verdict: 'cheat',
  reportHash: idOf(3),
  salt: idOf(4),
};

/** Values of these inputs for ever: audits on chain are found by them. */
const frozen = {
  audit: 'dd158a0b9865989b955a43a84893ee8746904cb0cf5d1f1db8970e7831b05359',
  conviction: '3eca9f43d849bfb274d106662cdf4aff5b584c397bfc26f97d0fbc9eeb4d51e4',
  commitment: '976452da8039bf40bc244ad91cd4805794729acd360a78cc666a2f21d0af47b8',
  first: '0000000000000000000000000000000000000000000000000000000000000007',
};

describe('a draw', () => {
  const draw = { seed: idOf(7), subject: idOf(8), candidates };

  it('orders each candidate once, whatever the order it is given in', () => {
    const order = drawOrder(network, draw);
    expect(new Set(order)).toEqual(new Set(candidates));
    const other = [...candidates].reverse();
    expect(drawOrder(network, { ...draw, candidates: [...other, ...candidates] })).toEqual(order);
    expect(drawOrder(network, { ...draw, candidates: [] })).toEqual([]);
  });

  it('keeps the order of those who stay when one leaves', () => {
    const order = drawOrder(network, draw);
    const left = candidates.filter((candidate) => candidate !== order[0]);
    expect(drawOrder(network, { ...draw, candidates: left })).toEqual(order.slice(1));
  });

  it('favours nobody: each candidate is among the first three as often as chance has it', () => {
    const draws = 6_000;
    const seats = new Map<Hex, number>();
    for (let seed = 0; seed < draws; seed += 1) {
      const order = drawOrder(network, { ...draw, seed: idOf(seed) });
      for (const juror of order.slice(0, 3)) seats.set(juror, (seats.get(juror) ?? 0) + 1);
    }
    const expected = (draws * 3) / candidates.length;
    const deviation = Math.sqrt(draws * 0.3 * 0.7);
    for (const candidate of candidates) {
      expect(Math.abs((seats.get(candidate) ?? 0) - expected)).toBeLessThan(5 * deviation);
    }
  });

  it('changes with the network, the seed and the subject', () => {
    const other = networkFromHash('other', 'cd'.repeat(32));
    const orders = [
      drawOrder(network, draw),
      drawOrder(other, draw),
      drawOrder(network, { ...draw, seed: idOf(9) }),
      drawOrder(network, { ...draw, subject: idOf(9) }),
    ];
    expect(new Set(orders.map((order) => order.join())).size).toBe(orders.length);
  });

  it('takes about as many jobs as the rate says, and at a higher rate the same and more', () => {
    const jobs = 20_000;
    const drawnAt = (rateBps: number) =>
      Array.from({ length: jobs }, (_, at) => idOf(at)).filter((subject) =>
        isDrawnForAudit(network, { seed: idOf(1), subject, rateBps }),
      );
    const [few, more] = [drawnAt(300), drawnAt(600)];
    expect(few.length).toBeGreaterThan(jobs * 0.025);
    expect(few.length).toBeLessThan(jobs * 0.035);
    expect(more).toEqual(expect.arrayContaining(few));
    expect(drawnAt(0)).toEqual([]);
    expect(drawnAt(10_000)).toHaveLength(jobs);
  });
});

describe('a commitment', () => {
  it('is another hash for every other vote', () => {
    const others: AuditVote[] = [
      { ...vote, auditId: idOf(9) },
      { ...vote, juror: idOf(9) },
      { ...vote, round: 2 },
      { ...vote, verdict: 'honest' },
      { ...vote, reportHash: idOf(9) },
      { ...vote, salt: idOf(9) },
    ];
    const hashes = [vote, ...others].map((one) => auditCommitmentOf(network, one));
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('names verdicts by their numbers, 0 being none', () => {
    expect(auditVerdicts.map(auditVerdictNumberOf)).toEqual([1, 2, 3]);
    for (const verdict of auditVerdicts) {
      expect(auditVerdictOf(auditVerdictNumberOf(verdict))).toBe(verdict);
    }
    expect([0, 4, -1, 1.5, 255].map(auditVerdictOf)).toEqual(Array(5).fill(undefined));
  });
});

describe('ids', () => {
  it('are those that were frozen', () => {
    expect({
      audit: auditIdOf(network, trial),
      conviction: convictionIdOf(network, trial),
      commitment: auditCommitmentOf(network, vote),
      first: drawOrder(network, { seed: idOf(7), subject: idOf(8), candidates })[0],
    }).toEqual(frozen);
  });

  it('of an audit differ with job, provider and record; a conviction does not know the record', () => {
    const ids = [
      auditIdOf(network, trial),
      auditIdOf(network, { ...trial, jobId: idOf(9) }),
      auditIdOf(network, { ...trial, provider: idOf(9) }),
      auditIdOf(network, { ...trial, recordHash: idOf(9) }),
      convictionIdOf(network, trial),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('of a roster are the bytes of a digest, or the hash of another name', () => {
    expect(auditDigestOf(`sha256:${idOf(5)}`)).toBe(idOf(5));
    const others = ['', idOf(5), `sha256:${idOf(5).slice(2)}`, `SHA256:${idOf(5)}`, 'q4'];
    const ids = others.map(auditDigestOf);
    expect(new Set([...ids, idOf(5)]).size).toBe(others.length + 1);
    for (const one of ids) expect(one).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('the receipt of an audit', () => {
  const pair = keyPairFromSeed(new Uint8Array(32).fill(1));
  const signer = { publicKey: hex(pair.publicKey), secretKey: pair.secretKey };
  const longest: ReceiptPayload = {
    v: 1,
    network: network.caip2,
    ...{ jobId: idOf(1), offerId: idOf(2), channelId: idOf(3) },
    provider: addressOf(signer.publicKey),
    ...{ model: 'm'.repeat(128), digest: 'd'.repeat(80) },
    ...{ from: 2 ** 53 - 1, to: 2 ** 53 - 1, promptTokens: 2 ** 53 - 1, atMs: 2 ** 53 - 1 },
    ...{ prefixHash: idOf(4), textHash: idOf(5), outcome: 'provider_error' },
    ...{ charged: `${2n ** 64n - 1n}`, chargedCumulative: `${2n ** 64n - 1n}` },
  };
  const receipt = signDocument({ tag: 'receipt', network }, longest, signer);

  it('comes back from its bytes, which fit into a transaction', () => {
    const bytes = auditReceiptBytesOf(receipt);
    expect(bytes.length / 2).toBeLessThan(limits.auditReceiptBytes);
    expect(readAuditReceipt(bytes)).toEqual({ ok: true, value: receipt });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"a":'],
    ['another shape', '{}'],
    ['a number', '7'],
    ['blanks', `${JSON.stringify(receipt)} `],
    ['another order', JSON.stringify({ ...receipt, payload: receipt.payload })],
    ['one more field', JSON.stringify({ ...receipt, more: 1 })],
    ['a name twice', JSON.stringify(receipt).replace('{', '{"signer":"00",')],
    ['a deep list', '['.repeat(1_000)],
  ])('is refused as %s', (_, text) => {
    expect(readAuditReceipt(hex(utf8(text)))).toMatchObject({ code: 'RECEIPT_INVALID' });
  });

  it('is refused as bytes that are no text, and never throws', () => {
    expect(readAuditReceipt('ff'.repeat(8))).toMatchObject({ code: 'RECEIPT_INVALID' });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }).map(hex), id), (bytes) => {
        expect(readAuditReceipt(bytes).ok).toBe(false);
      }),
    );
  });
});
