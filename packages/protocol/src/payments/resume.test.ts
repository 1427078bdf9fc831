import { hex, keyPairFromSeed } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf } from '../fields.ts';
import { limits } from '../limits.ts';
import { networkFromHash } from '../network.ts';
import { signDocument } from './document.ts';
import { firstPrefixHash, nextPrefixHash, type SignedReceipt, textHashOf } from './receipt.ts';
import {
  type Resume,
  resumeContext,
  signAcknowledgement,
  verifyAcknowledgement,
  verifyResume,
} from './resume.ts';
import { startContext } from './voucher.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const other = networkFromHash('other', 'cd'.repeat(32));
const provider = keyPairFromSeed(new Uint8Array(32).fill(2));
const payer = keyPairFromSeed(new Uint8Array(32).fill(3));
const authorizer = hex(provider.publicKey);
const hash = (fill: string) => fill.repeat(32);
const job = { jobId: hash('02'), bodyDigest: hash('03') };

interface Range {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/** Ranges of the texts, one token a character. */
function rangesOf(texts: readonly string[]): Range[] {
  let from = 0;
  return texts.map((text) => {
    const range = { text, from, to: from + text.length };
    from = range.to;
    return range;
  });
}

function prefixHashAt(ranges: readonly Range[], place: number): string {
  const first = firstPrefixHash(network, job.bodyDigest);
  return ranges
    .slice(0, place)
    .reduce(
      (prefixHash, { text, from, to }) =>
        nextPrefixHash(network, { prefixHash, textHash: textHashOf(text), from, to }),
      first,
    );
}

/** The receipt of one of the ranges, as an honest provider signs it. */
function receiptAt(ranges: readonly Range[], place: number, change: object = {}): SignedReceipt {
  const { text, from, to } = ranges[place] as Range;
  const payload = {
    v: 1,
    network: network.caip2,
    jobId: job.jobId,
    offerId: hash('05'),
    channelId: hash('06'),
    provider: addressOf(authorizer),
    model: 'tiny',
    digest: '',
    from,
    to,
    prefixHash: prefixHashAt(ranges, place),
    textHash: textHashOf(text),
    promptTokens: 3,
    outcome: 'running',
    charged: '1',
    chargedCumulative: '1',
    atMs: 1,
    ...change,
  };
  const signer = { publicKey: authorizer, secretKey: provider.secretKey };
  return signDocument({ tag: 'receipt', network }, payload, signer) as SignedReceipt;
}

function resumeOf(texts: readonly string[], signedPlace: number | undefined): Resume {
  const ranges = rangesOf(texts);
  const pieces = ranges.map(({ text, to }) => ({ text, to }));
  const receipt = signedPlace === undefined ? null : receiptAt(ranges, signedPlace);
  return { pieces, receipt };
}

const reasonOf = (resume: Resume, of = job): unknown => {
  const verdict = verifyResume(network, of, resume);
  return verdict.ok ? 'taken' : verdict.facts.reason;
};

describe('an answer to be continued', () => {
  it('gives the place, the hash and the text to go on from, whatever its pieces are', () => {
    const texts = fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(texts, fc.nat(), (pieces, choice) => {
        const place = choice % pieces.length;
        const verdict = verifyResume(network, job, resumeOf(pieces, place));
        const ranges = rangesOf(pieces);
        const text = pieces.join('');
        const tailTokens = text.length - (ranges[place] as Range).to;
        const prefixHash = prefixHashAt(ranges, ranges.length);
        expect(verdict).toEqual({
          ok: true,
          value: { from: text.length, text, prefixHash, tailTokens },
        });
      }),
    );
  });

  it('may have no receipt while it is short', () => {
    expect(reasonOf(resumeOf(['ab', 'c'], undefined))).toBe('taken');
    const long = 'x'.repeat(limits.resumeTailTokens + 1);
    expect(reasonOf(resumeOf([long], undefined))).toMatch(/513 tokens are in no receipt/);
    expect(reasonOf(resumeOf([long], 0))).toBe('taken');
    expect(reasonOf(resumeOf(['x', long], 0))).toMatch(/513 tokens are in no receipt/);
  });

  it('is refused when anything in it is not what was signed', () => {
    const good = resumeOf(['ab', 'cd', 'e'], 1);
    expect(reasonOf(good)).toBe('taken');
    const withPiece = (place: number, change: object): Resume => ({
      ...good,
      pieces: good.pieces.map((piece, at) => (at === place ? { ...piece, ...change } : piece)),
    });
    const foreign = 'its receipt is for another text';
    expect(reasonOf(withPiece(0, { text: 'aX' }))).toBe(foreign);
    expect(reasonOf(withPiece(1, { text: 'cX' }))).toBe(foreign);
    expect(reasonOf(withPiece(0, { to: 1 }))).toBe(foreign);
    expect(reasonOf({ ...good, pieces: good.pieces.slice(1) })).toBe(foreign);
    expect(reasonOf(withPiece(1, { to: 1 }))).toBe('its pieces run backwards');
    expect(reasonOf(withPiece(1, { to: 2 }))).toBe('its pieces run backwards');
    expect(reasonOf(withPiece(1, { to: 2 ** 53 - 1 }))).toBe('its pieces run backwards');
    expect(reasonOf(good, { ...job, bodyDigest: hash('09') })).toBe(foreign);
    expect(reasonOf(good, { ...job, jobId: hash('09') })).toBe('its receipt is for another job');
    const ranges = rangesOf(['ab', 'cd', 'e']);
    const forged = { ...receiptAt(ranges, 1), signature: receiptAt(ranges, 0).signature };
    expect(reasonOf({ ...good, receipt: forged })).toBe('its receipt is forged');
    const abroad = receiptAt(ranges, 1, { network: other.caip2 });
    expect(reasonOf({ ...good, receipt: abroad })).toBe('its receipt is forged');
  });
});

describe('the voucher that continues a job', () => {
  it('binds offer, job, body, place, text and tokens, and never starts a job', () => {
    const terms = { ...job, offerId: hash('01'), from: 5, prefixHash: hash('04'), tokens: 21 };
    const changes = [
      {},
      { offerId: hash('09') },
      { jobId: hash('09') },
      { bodyDigest: hash('09') },
      { from: 6 },
      { prefixHash: hash('09') },
      { tokens: 22 },
    ];
    const contexts = changes.map((change) => resumeContext(network, { ...terms, ...change }));
    const all = [...contexts, startContext(network, terms), resumeContext(other, terms)];
    expect(new Set(all).size).toBe(changes.length + 2);
  });
});

describe('an acknowledgement', () => {
  it('holds for exactly what the buyer signed', () => {
    const ack = { jobId: job.jobId, channelId: hash('06'), from: 16, to: 20, textHash: hash('07') };
    const signature = signAcknowledgement(network, ack, payer.secretKey);
    const key = hex(payer.publicKey);
    expect(verifyAcknowledgement(network, { ack, signature }, key)).toBe(true);
    expect(verifyAcknowledgement(other, { ack, signature }, key)).toBe(false);
    expect(verifyAcknowledgement(network, { ack, signature }, authorizer)).toBe(false);
    const changes = [
      { jobId: hash('09') },
      { channelId: hash('09') },
      { from: 15 },
      { to: 21 },
      { textHash: hash('09') },
    ];
    for (const change of changes) {
      const changed = { ack: { ...ack, ...change }, signature };
      expect(verifyAcknowledgement(network, changed, key)).toBe(false);
    }
  });
});
