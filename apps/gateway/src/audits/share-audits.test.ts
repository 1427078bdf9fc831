import { createManualClock, hex, keyPairFromSeed, sha256, utf8 } from '@aitbc/primitives';
import {
  AppError,
  type AuditRecord,
  addressOf,
  bodyDigestOf,
  firstPrefixHash,
  type Hex,
  type InferenceRequest,
  isDrawnForAudit,
  networkFromHash,
  nextPrefixHash,
  type OfferPayload,
  offerIdOf,
  readAuditRecord,
  type SignedOffer,
  type SignedReceipt,
  signDocument,
  type TokenRange,
  textHashOf,
  unwrap,
  wireBodyOf,
} from '@aitbc/protocol';
import type { CallRow, JobEvent } from '@aitbc/sdk';
import { createLog } from '@aitbc/service';
import { expect, test } from 'vitest';
import { createAuditShares } from './share-audits.ts';

const network = networkFromHash('ait-test', 'ab'.repeat(32));
const request: InferenceRequest = {
  ...{ model: 'tiny', messages: [{ role: 'user', content: 'hello' }], temperature: 0 },
  ...{ maxTokens: 8, topP: undefined, topK: undefined, seed: undefined, stop: [], stream: true },
};
const bodyDigest = bodyDigestOf(utf8(JSON.stringify(wireBodyOf(request))));
const jobIdOf = (name: string): Hex => hex(sha256(utf8(name)));
const blockHash = (height: number): Hex => hex(sha256(utf8(`block ${height}`)));

/** A provider that signs an offer of the verifiable class, and receipts for ranges. */
function sellerOf(seed: number) {
  const { publicKey, secretKey } = keyPairFromSeed(new Uint8Array(32).fill(seed));
  const signer = { publicKey: hex(publicKey), secretKey };
  const provider = addressOf(hex(publicKey));
  const payload: OfferPayload = {
    ...{ v: 1, network: network.caip2, provider, authorizer: signer.publicKey },
    ...{ endpoint: 'http://127.0.0.1:1', model: 'tiny', digest: `sha256:${'0d'.repeat(32)}` },
    ...{ quantization: 'F16', contextMax: 512, outputMax: 64, windowTokens: 4, serves: ['chat'] },
    price: { inputPerMTok: '1', outputPerMTok: '1', perRequest: '0' },
    ...{ canResume: true, verifiable: true, firstTokenMs: 1_000, withdrawDelayMsMin: 1 },
    ...{ validFromMs: 0, validUntilMs: 1 },
  };
  const offer: SignedOffer = signDocument({ tag: 'offer', network }, payload, signer);
  const receipt = (jobId: Hex, range: TokenRange): SignedReceipt => {
    const { model, digest } = payload;
    const terms = { jobId, offerId: offerIdOf(network, payload), channelId: 'cc'.repeat(32) };
    const facts = { ...terms, provider, model, digest, ...range };
    const due = { promptTokens: 1, outcome: 'complete' as const, charged: '1' };
    const whole = { v: 1 as const, network: network.caip2, ...facts, ...due };
    const signed = { ...whole, chargedCumulative: '1', atMs: 1 };
    return signDocument({ tag: 'receipt', network }, signed, signer);
  };
  return { provider, offer, receipt };
}

const [first, second] = [sellerOf(1), sellerOf(2)];

/** Events of an answer: the first provider receipts two tokens and dies after a third; the second one ends it. */
function movedAnswer(jobId: Hex): JobEvent[] {
  const ranges: TokenRange[] = [];
  const range = (text: string, to: number): TokenRange => {
    const last = ranges.at(-1);
    const prefixHash = last ? nextPrefixHash(network, last) : firstPrefixHash(network, bodyDigest);
    const next = { prefixHash, textHash: textHashOf(text), from: last?.to ?? 0, to };
    ranges.push(next);
    return next;
  };
  const text = (piece: string): JobEvent => ({ type: 'text', text: piece });
  const receipt = (seller: typeof first, one: TokenRange): JobEvent => {
    return { type: 'receipt', receipt: seller.receipt(jobId, one) };
  };
  const byFirst = receipt(first, range('one two ', 2));
  range('three ', 3);
  const moved = {
    from: first.provider,
    to: second.provider,
    code: 'UNAVAILABLE',
    gapMs: 1,
  } as const;
  return [
    ...[text('one '), text('two '), byFirst, text('three ')],
    { type: 'moved', ...moved },
    ...[text('four '), text('five'), receipt(second, range('four five', 5))],
    receipt(second, range('', 5)),
  ];
}

function bench() {
  const clock = createManualClock(1_000);
  const chain = { height: 10, isUp: true };
  const given: AuditRecord[] = [];
  const desk = { refuses: undefined as AppError | undefined };
  const rpc = {
    async chain_status() {
      if (!chain.isUp) throw new AppError('UNAVAILABLE', { what: 'node', reason: 'it is away' });
      return { height: chain.height };
    },
    chain_getHeader: async ({ height }: { height: number }) => ({ hash: blockHash(height) }),
  };
  const calls = [first, second].map(({ provider, offer }) => ({ provider, offer }));
  const shares = createAuditShares({
    node: { rpc, network: async () => ({ network }) } as never,
    store: { find: () => calls as unknown as CallRow[] },
    coordinator: {
      async giveAuditRecord({ record }) {
        if (desk.refuses) throw desk.refuses;
        given.push(record);
        return { accepted: true };
      },
    },
    clock,
    log: createLog({ name: 'test', level: 'silent' }),
  });
  const job = (name: string, offer: OfferPayload = first.offer.payload) => ({
    jobId: jobIdOf(name),
    offer,
  });
  const listen = (name: string) => {
    const hear = shares.watch(job(name), request);
    for (const event of movedAnswer(jobIdOf(name))) hear?.(event);
  };
  return { clock, chain, given, desk, shares, job, listen };
}

test('the record of a drawn job reads, also when the answer has moved', async () => {
  const { chain, given, shares, listen } = bench();
  listen('job');
  shares.reported(jobIdOf('job'), { height: 12, rateBps: 10_000 });
  await shares.look();
  expect(given).toEqual([]); // the block is not there yet
  chain.height = 12;
  await shares.look();
  const [record] = given;
  if (!record) throw new Error('nothing was given');
  expect(unwrap(readAuditRecord(network, record))).toMatchObject({
    ...{ provider: second.provider, formerText: 'one two three ', text: 'four five' },
    ...{ from: 3, to: 5 },
  });
  await shares.look();
  expect(given).toHaveLength(1);
});

test('only what the block draws leaves this machine', async () => {
  const { chain, given, shares, listen } = bench();
  chain.height = 12;
  const names = Array.from({ length: 200 }, (_, at) => `job ${at}`);
  for (const name of names) {
    listen(name);
    shares.reported(jobIdOf(name), { height: 12, rateBps: 1_000 });
  }
  await shares.look();
  const drawn = names.map(jobIdOf).filter((subject) => {
    return isDrawnForAudit(network, { seed: blockHash(12), subject, rateBps: 1_000 });
  });
  expect(drawn.length).toBeGreaterThan(5);
  expect(given.map(({ parts }) => parts[0]?.receipt.payload.jobId)).toEqual(drawn);
});

test('nothing is kept of jobs that cannot be audited, or that the coordinator does not audit', async () => {
  const { chain, given, shares, job, listen } = bench();
  const { verifiable: _, ...plain } = first.offer.payload;
  expect(shares.watch(job('plain', plain), request)).toBeUndefined();
  expect(shares.watch(job('warm'), { ...request, temperature: 0.7 })).toBeUndefined();
  expect(shares.watch(job('default'), { ...request, temperature: undefined })).toBeUndefined();
  listen('kept');
  expect(shares.watch(job('kept'), request)).toBeUndefined(); // somebody reads along
  shares.reported(jobIdOf('kept'), undefined);
  shares.reported(jobIdOf('kept'), { height: 12, rateBps: 10_000 });
  chain.height = 12;
  await shares.look();
  expect(given).toEqual([]);
});

test('what is too old or too much is forgotten, the oldest first', async () => {
  const { chain, clock, given, shares, listen } = bench();
  listen('old');
  clock.advance(10 * 60_000 + 1);
  for (let at = 0; at < 4_097; at += 1) listen(`job ${at}`);
  for (const name of ['old', 'job 0', 'job 1']) {
    shares.reported(jobIdOf(name), { height: 12, rateBps: 10_000 });
  }
  chain.height = 12;
  await shares.look();
  const jobIds = given.map(({ parts }) => parts[0]?.receipt.payload.jobId);
  expect(jobIds).toEqual([jobIdOf('job 1')]);
});

test('large prompts push out old answers', async () => {
  const { chain, given, shares, job, listen } = bench();
  listen('first');
  const content = 'x'.repeat(1_000_000);
  for (let at = 0; at < 68; at += 1) {
    shares.watch(job(`large ${at}`), { ...request, messages: [{ role: 'user', content }] });
  }
  shares.reported(jobIdOf('first'), { height: 10, rateBps: 10_000 });
  chain.height = 12;
  await shares.look();
  expect(given).toEqual([]);
});

test('a coordinator or a node that is away is asked again, a refusal is the end', async () => {
  const { chain, given, desk, shares, listen } = bench();
  listen('job');
  shares.reported(jobIdOf('job'), { height: 10, rateBps: 10_000 });
  chain.isUp = false;
  await shares.look();
  chain.isUp = true;
  desk.refuses = new AppError('UNAVAILABLE', { what: 'coordinator', reason: 'it is away' });
  await shares.look();
  desk.refuses = undefined;
  await shares.look();
  expect(given).toHaveLength(1);
  listen('other');
  shares.reported(jobIdOf('other'), { height: 10, rateBps: 10_000 });
  desk.refuses = new AppError('AUDIT_RECORD_INVALID', { reason: 'no' });
  await shares.look();
  desk.refuses = undefined;
  await shares.look();
  expect(given).toHaveLength(1);
});
