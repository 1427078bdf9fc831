import { canonicalJson, type JsonValue, textFromUtf8, utf8 } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wireBodyOf } from '../dialects/inference.ts';
import { limits } from '../limits.ts';
import { bodyDigestOf } from '../payments/job-id.ts';
import { offerIdOf } from '../payments/offer.ts';
import { firstPrefixHash } from '../payments/receipt.ts';
import {
  after,
  createProvider,
  jobId,
  network,
  other,
  type Point,
  type Provider,
} from '../payments/testing/proof-maker.ts';
import {
  type AuditRecord,
  auditRecordBytesMax,
  auditRecordHashOf,
  readAuditRecord,
  zAuditRecord,
} from './audit-record.ts';

const request = {
  model: 'tiny',
  messages: [{ role: 'user' as const, content: 'What is a table?' }],
  ...{ maxTokens: 90, temperature: 0, topP: undefined, topK: undefined, seed: undefined, stop: [] },
};
const body = JSON.stringify(wireBodyOf(request));
const maker = createProvider(2, { verifiable: true });
const mallory = createProvider(3, { verifiable: true });

const startOf = (text: string): Point => ({
  at: 0,
  prefixHash: firstPrefixHash(network, bodyDigestOf(utf8(text))),
});

interface Made {
  readonly by?: Provider;
  readonly body?: string;
  readonly former?: readonly string[];
  readonly texts?: readonly string[];
}

/** The record of a job as its buyer has it; one token a character. */
function recordOf({ by = maker, body: sent = body, former = [], texts = ['A ta', 'ble'] }: Made) {
  let point = startOf(sent);
  const pieces = former.map((text) => {
    point = after(point, text);
    return { text, to: point.at };
  });
  const { receipts } = by.run(point, texts, 'complete');
  const parts = receipts.map((receipt, at) => ({ receipt, text: texts[at] ?? '' }));
  return { v: 1, offer: by.offer, body: sent, former: pieces, parts } as AuditRecord;
}

/** Why a record is void, `read` when it is not. */
function reasonOf(record: AuditRecord): string {
  const verdict = readAuditRecord(network, record);
  if (verdict.ok) return 'read';
  expect(verdict.code).toBe('AUDIT_RECORD_INVALID');
  return String(verdict.facts.reason);
}

/** The same for the bytes of a record, as they would arrive. */
function reasonOfBytes(bytes: Uint8Array): string {
  let json: unknown;
  try {
    json = JSON.parse(textFromUtf8(bytes));
  } catch {
    return 'no JSON';
  }
  const parsed = zAuditRecord.safeParse(json);
  return parsed.success ? reasonOf(parsed.data) : 'no record';
}

const good = recordOf({ former: ['Well: '] });
const bytesOf = (record: AuditRecord) => utf8(canonicalJson(record as JsonValue));

describe('an audit record', () => {
  it('gives what is to be replayed, whatever the windows were', () => {
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 5 });
    fc.assert(
      fc.property(
        texts,
        fc.tuple(fc.string({ unit: 'grapheme' }), texts),
        (former, [one, more]) => {
          const record = recordOf({ former, texts: [one, ...more] });
          const formerText = former.join('');
          const text = [one, ...more].join('');
          expect(readAuditRecord(network, record)).toEqual({
            ok: true,
            value: {
              ...{ jobId, formerText, text, provider: maker.offer.payload.provider },
              offerId: offerIdOf(network, maker.offer.payload as AuditRecord['offer']['payload']),
              authorizer: maker.authorizer,
              digest: maker.offer.payload.digest,
              request: { ...request, stream: true },
              from: formerText.length,
              to: formerText.length + text.length,
              recordHash: auditRecordHashOf(network, record),
            },
          });
        },
      ),
    );
  });

  it('is refused when any one bit of it was flipped', () => {
    const bytes = bytesOf(good);
    expect(reasonOfBytes(bytes)).toBe('read');
    const places = fc.record({ at: fc.nat(bytes.length - 1), bit: fc.nat(7) });
    fc.assert(
      fc.property(places, ({ at, bit }) => {
        const flipped = bytes.slice();
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        expect(reasonOfBytes(flipped), textFromUtf8(bytes).slice(at - 20, at + 20)).not.toBe(
          'read',
        );
      }),
      { numRuns: 3_000 },
    );
  });

  it('may end before its job did', () => {
    expect(reasonOf({ ...good, parts: good.parts.slice(0, 1) })).toBe('read');
  });

  it('is void when it joins what does not belong together', () => {
    const [first, second] = good.parts as [AuditRecord['parts'][0], AuditRecord['parts'][0]];
    const begins = /for another body, or goes on with another text/;
    expect(reasonOf({ ...good, parts: [second] })).toMatch(begins);
    expect(reasonOf({ ...good, former: [] })).toMatch(begins);
    expect(reasonOf({ ...good, body: body.replace('table', 'chair') })).toMatch(begins);
    expect(reasonOf({ ...good, parts: [first, first] })).toMatch(/tokens 10 to 6 are not covered/);
    const swapped = [first, { ...second, text: 'blE' }];
    expect(reasonOf({ ...good, parts: swapped })).toBe('a text is not the one receipted');
    const late = { ...good, former: [{ text: 'Well: ', to: limits.outputTokensMax + 1 }] };
    expect(reasonOf(late)).toMatch(/run backwards, or too far/);
    const idle = { ...good, former: [{ text: 'Well: ', to: 0 }] };
    expect(reasonOf(idle)).toMatch(/run backwards, or too far/);
  });

  it('is void when another key than that of its offer signed a part of it', () => {
    const theirs = recordOf({ by: mallory, former: ['Well: '] });
    expect(reasonOf({ ...good, parts: theirs.parts })).toMatch(/key is not the one registered/);
    const claimed = { ...theirs.offer, payload: good.offer.payload };
    expect(reasonOf({ ...theirs, offer: claimed })).toBe('its offer is not signed by its own key');
    const forged = { ...good.offer, signature: theirs.offer.signature };
    expect(reasonOf({ ...good, offer: forged })).toBe('the signature of its offer is wrong');
    expect(reasonOf({ ...good, parts: theirs.parts, offer: theirs.offer })).toBe('read');
    const named = readAuditRecord(network, theirs);
    expect(named.ok && named.value.authorizer).toBe(mallory.authorizer);
  });

  it('is void for a receipt of another offer, model or network, or over text without tokens', () => {
    const start = startOf(body);
    const only = (change: object, text = 'A ta') =>
      reasonOf({
        ...recordOf({}),
        parts: [{ receipt: maker.sign(start, 'A ta', change), text }],
      });
    expect(only({})).toBe('read');
    expect(only({ offerId: 'ab'.repeat(32) })).toBe('a receipt is for another offer');
    expect(only({ digest: 'sha256:00' })).toBe('a receipt is for another offer');
    expect(only({ network: other.caip2 })).toMatch(/it is for another network/);
    expect(only({ to: 0 })).toBe('a text has no tokens');
    expect(readAuditRecord(other, good).ok).toBe(false);
  });

  it('is void outside the verifiable class', () => {
    const plain = recordOf({ by: createProvider(2) });
    expect(reasonOf(plain)).toBe('its offer promises nothing that could be verified');
    for (const temperature of [0.1, undefined]) {
      const warm = recordOf({ body: JSON.stringify(wireBodyOf({ ...request, temperature })) });
      expect(reasonOf(warm)).toBe('its request is not at temperature 0');
    }
  });

  it('is void when its body is not spelled as our buyers spell it', () => {
    const { stream: _, ...unstreamed } = wireBodyOf(request);
    const spelled = [
      'no JSON',
      '[]',
      body.replace('{', '{ '),
      JSON.stringify({ ...wireBodyOf(request), frequency_penalty: 1 }),
      JSON.stringify({ ...wireBodyOf(request), n: 1 }),
      JSON.stringify({ temperature: 0, ...wireBodyOf(request) }),
      JSON.stringify(unstreamed),
      JSON.stringify({ model: 'tiny', messages: [], options: { temperature: 0 } }),
    ];
    for (const text of spelled) {
      expect(reasonOf(recordOf({ body: text }))).toMatch(/not spelled as requests of the market/);
    }
  });

  it('is void with half a character, and above its size', () => {
    expect(reasonOf({ ...good, body: `${body}\ud800` })).toBe('it holds half a character');
    const texts = Array.from({ length: 3 }, () => 'é'.repeat(auditRecordBytesMax / 4));
    const long = { ...good, former: texts.map((text, at) => ({ text, to: at + 1 })) };
    expect(reasonOf(long)).toMatch(/above 2097152 bytes/);
  });
});
