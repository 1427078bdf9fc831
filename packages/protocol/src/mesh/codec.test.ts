import { bytesFromHex, hex } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlockHeader, Certificate, Vote, VoteKind } from '../blocks.ts';
import { limits } from '../limits.ts';
import type { LightBundle } from '../proofs/light-bundle.ts';
import {
  certifiedBlockBytes,
  decodeMeshMessage,
  encodeMeshMessage,
  rangeOverheadBytes,
} from './codec.ts';
import type { MeshMessage, MeshMessageType } from './message.ts';

const hexOf = (sizeBytes: number) =>
  fc.uint8Array({ minLength: sizeBytes, maxLength: sizeBytes }).map(hex);
const id = hexOf(32);
const signature = hexOf(64);
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const u32 = fc.nat({ max: 0xffff_ffff });
const u16 = fc.nat({ max: 0xffff });
const bytes = fc.uint8Array({ maxLength: 300 });
const list = <T>(row: fc.Arbitrary<T>) => fc.array(row, { maxLength: 5 });

const vote: fc.Arbitrary<Vote> = fc.record({
  kind: fc.constantFrom<VoteKind[]>('notarize', 'nullify', 'finalize'),
  ...{ epoch: count, view: count, blockHash: id, validator: u16, signature },
});
const certificate: fc.Arbitrary<Certificate> = fc.record({
  ...{ kind: fc.nat({ max: 255 }), epoch: count, view: count, blockHash: id },
  votes: list(fc.record({ validator: u16, signature })),
});
const header: fc.Arbitrary<BlockHeader> = fc.record({
  ...{ version: fc.nat({ max: 255 }), chain: u32, height: count, epoch: count, view: count },
  ...{ parent: id, timeMs: count, proposer: id, txRoot: id, stateRoot: id, receiptRoot: id },
  ...{ validatorsHash: id, nextValidatorsHash: id, evidenceRoot: id },
});
const places = fc
  .uniqueArray(u16, { maxLength: 5 })
  .map((values) => values.toSorted((a, b) => a - b));
const certifiedBlock = fc.record({ body: bytes, certificate });
const stake = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bundle: fc.Arbitrary<LightBundle> = fc.record({
  ...{ header, certificate },
  validators: list(fc.record({ publicKey: id, stake })),
});

type Bodies = { [T in MeshMessageType]: fc.Arbitrary<Omit<MeshMessage & { type: T }, 'type'>> };

/** Random bodies of every message. */
const bodies: Bodies = {
  status: fc.record({
    status: fc.record({
      height: count,
      hash: id,
      epoch: count,
      view: count,
      snapshotHeight: count,
    }),
  }),
  votes: fc.record({ votes: list(vote) }),
  certificates: fc.record({ certificates: list(certificate) }),
  proposal: fc.record({ header, txIds: list(hexOf(8)), vote }),
  txs: fc.record({ txs: list(bytes) }),
  wantTxs: fc.record({ hash: id, places }),
  blockTxs: fc
    .record({ hash: id, places, body: bytes })
    .map(({ hash, places, body }) => ({ hash, places, txs: places.map(() => body) })),
  wantBlock: fc.record({ hash: id }),
  block: fc.record({ hash: id, body: bytes }),
  wantCertificates: fc.record({ epoch: count, fromView: count, toView: count }),
  wantRange: fc.record({ from: count, to: count }),
  range: fc.record({ from: count, blocks: list(certifiedBlock) }),
  wantSnapshot: fc.constant({}),
  snapshot: fc.record({ bundle, size: u32, level: fc.nat({ max: 255 }) }),
  wantChunk: fc.record({ height: count, chunk: u32 }),
  chunk: fc.record({ height: count, chunk: u32, bytes }),
  wantBundle: fc.record({ height: count }),
  bundle: fc.record({ height: count, bundles: fc.array(bundle, { maxLength: 1 }) }),
};
const types = Object.keys(bodies) as MeshMessageType[];
const messageOf = (type: MeshMessageType): fc.Arbitrary<MeshMessage> =>
  (bodies[type] as fc.Arbitrary<object>).map((body) => ({ type, ...body }) as MeshMessage);
const anyMessage = fc.constantFrom(...types).chain(messageOf);

const byte = (value: number, size: number) => hex(new Uint8Array(size).fill(value));
const aVote: Vote = {
  ...{ kind: 'notarize', epoch: 1, view: 7, blockHash: byte(1, 32) },
  ...{ validator: 2, signature: byte(2, 64) },
};
const aCertificate: Certificate = {
  ...{ kind: 3, epoch: 1, view: 7, blockHash: byte(1, 32) },
  votes: [0, 2].map((validator) => ({ validator, signature: byte(3, 64) })),
};
const aHeader: BlockHeader = {
  ...{ version: 1, chain: 0xabcdef01, height: 12, epoch: 1, view: 7, parent: byte(4, 32) },
  ...{ timeMs: 1_800_000_000_000, proposer: byte(5, 32), txRoot: byte(6, 32) },
  ...{ stateRoot: byte(7, 32), receiptRoot: byte(8, 32), validatorsHash: byte(9, 32) },
  ...{ nextValidatorsHash: byte(10, 32), evidenceRoot: byte(11, 32) },
};
const aBundle: LightBundle = {
  ...{ header: aHeader, certificate: aCertificate },
  validators: [{ publicKey: byte(14, 32), stake: 7n }],
};
const body = new Uint8Array([1, 2, 3]);

/** One of each, as the vectors keep them. */
const samples: readonly MeshMessage[] = [
  {
    type: 'status',
    status: { height: 12, hash: byte(1, 32), epoch: 1, view: 7, snapshotHeight: 8 },
  },
  { type: 'votes', votes: [aVote, { ...aVote, kind: 'nullify', blockHash: byte(0, 32) }] },
  { type: 'certificates', certificates: [aCertificate] },
  { type: 'proposal', header: aHeader, txIds: [byte(12, 8), byte(13, 8)], vote: aVote },
  { type: 'txs', txs: [body, new Uint8Array(0)] },
  { type: 'wantTxs', hash: byte(1, 32), places: [0, 5] },
  { type: 'blockTxs', hash: byte(1, 32), places: [0, 5], txs: [body, body] },
  { type: 'wantBlock', hash: byte(1, 32) },
  { type: 'block', hash: byte(1, 32), body },
  { type: 'wantCertificates', epoch: 1, fromView: 3, toView: 7 },
  { type: 'wantRange', from: 5, to: 9 },
  { type: 'range', from: 5, blocks: [{ body, certificate: aCertificate }] },
  { type: 'wantSnapshot' },
  {
    type: 'snapshot',
    ...{ bundle: aBundle, size: 9_000, level: 12 },
  },
  { type: 'wantChunk', height: 8, chunk: 1 },
  { type: 'chunk', height: 8, chunk: 1, bytes: body },
  { type: 'wantBundle', height: 12 },
  { type: 'bundle', height: 12, bundles: [aBundle] },
];

const reasonOf = (all: Uint8Array): string => {
  const verdict = decodeMeshMessage(all);
  if (verdict.ok) return 'accepted';
  expect(verdict.code).toBe('MESH_MALFORMED');
  return String(verdict.facts.reason);
};
const sampleOf = (type: MeshMessageType) =>
  encodeMeshMessage(samples.find((message) => message.type === type) as MeshMessage);

describe('messages between nodes', () => {
  it('have golden vectors, one of each', async () => {
    expect(samples.map(({ type }) => type)).toEqual(types);
    const rows = samples.map((message) => ({
      type: message.type,
      bytes: hex(encodeMeshMessage(message)),
    }));
    const file = `${JSON.stringify(rows, undefined, 2)}\n`;
    await expect(file).toMatchFileSnapshot('../../vectors/mesh.json');
    for (const message of samples) {
      expect(decodeMeshMessage(encodeMeshMessage(message))).toEqual({ ok: true, value: message });
    }
  });

  it.each(types)('of type %s come back as they were sent', (type) => {
    fc.assert(
      fc.property(messageOf(type), (message) => {
        expect(decodeMeshMessage(encodeMeshMessage(message))).toEqual({ ok: true, value: message });
      }),
      { numRuns: 60 },
    );
  });

  it('keep nothing of the frame they came in', () => {
    const frame = sampleOf('block');
    const verdict = decodeMeshMessage(frame);
    frame.fill(0);
    expect(verdict).toMatchObject({ ok: true, value: { body } });
  });

  it('say how many bytes a block takes in a range', () => {
    fc.assert(
      fc.property(list(certifiedBlock), (blocks) => {
        const size = blocks.reduce((sum, block) => sum + certifiedBlockBytes(block), 0);
        const encoded = encodeMeshMessage({ type: 'range', from: 1, blocks });
        expect(encoded.length).toBe(rangeOverheadBytes + size);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the decoder', () => {
  it('has one spelling: what it accepts encodes to the same bytes, whatever was flipped, cut or put in', () => {
    const mutation = fc.record({
      at: fc.nat(),
      drop: fc.nat({ max: 3 }),
      put: fc.uint8Array({ maxLength: 3 }),
    });
    fc.assert(
      fc.property(anyMessage, fc.array(mutation, { maxLength: 3 }), (message, mutations) => {
        let all = [...encodeMeshMessage(message)];
        for (const { at, drop, put } of mutations) {
          const place = at % (all.length + 1);
          all = [...all.slice(0, place), ...put, ...all.slice(place + drop)];
        }
        const verdict = decodeMeshMessage(Uint8Array.from(all));
        if (verdict.ok) expect([...encodeMeshMessage(verdict.value)]).toEqual(all);
        else expect(verdict.code).toBe('MESH_MALFORMED');
      }),
      { numRuns: 3_000 },
    );
  });

  it('survives random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (all) => {
        const verdict = decodeMeshMessage(all);
        if (verdict.ok) expect(encodeMeshMessage(verdict.value)).toEqual(all);
      }),
      { numRuns: 3_000 },
    );
  });

  it('refuses every prefix of every message, and one byte more', () => {
    for (const type of types) {
      const whole = sampleOf(type);
      for (let size = 0; size < whole.length; size += 1) {
        expect(reasonOf(whole.subarray(0, size)), `${type} ${size}`).toMatch(/end too early/);
      }
      expect(reasonOf(Uint8Array.of(...whole, 0))).toBe('1 bytes too many');
    }
  });

  it.each([
    ['an unknown message', Uint8Array.of(99), 'message 99 is not known'],
    ['an unknown vote kind', sampleOf('votes').with(3, 9), 'vote kind 9 is not known'],
    [
      'places that do not rise',
      sampleOf('wantTxs').with(sampleOf('wantTxs').length - 1, 0),
      'places do not rise',
    ],
    [
      'more places than transactions',
      bytesFromHex(`07${byte(1, 32)}000100000000`, 39) as Uint8Array,
      '0 transactions for 1 places',
    ],
    [
      'more than a frame',
      new Uint8Array(limits.meshFrameBytes + 1),
      `${limits.meshFrameBytes + 1} bytes are too many`,
    ],
  ])('refuses %s', (_, all, reason) => {
    expect(reasonOf(all)).toBe(reason);
  });

  it('refuses lists and parts above their bound before it reads them', () => {
    const over = (id: number, value: number) => Uint8Array.of(id, value >> 8, value & 0xff);
    expect(reasonOf(over(2, limits.meshVotes + 1))).toMatch(/more than 256 rows/);
    expect(reasonOf(over(3, limits.meshCertificates + 1))).toMatch(/more than 64 rows/);
    expect(reasonOf(over(5, limits.meshTxs + 1))).toMatch(/more than 1000 rows/);
    const big = (limits.txSizeBytes + 1).toString(16).padStart(8, '0');
    expect(reasonOf(bytesFromHex(`050001${big}`, 7) as Uint8Array)).toMatch(/is above 24576/);
  });
});

describe('the encoder', () => {
  it.each<[string, MeshMessage]>([
    ['too many rows', { type: 'votes', votes: Array(limits.meshVotes + 1).fill(aVote) }],
    ['a part too long', { type: 'txs', txs: [new Uint8Array(limits.txSizeBytes + 1)] }],
    ['places that do not rise', { type: 'wantTxs', hash: byte(1, 32), places: [3, 3] }],
    ['a place without its transaction', { ...blockTxsOf(2), txs: [body] }],
    ['a short id of another length', { ...proposalOf(), txIds: ['ab'] }],
    [
      'more than a frame',
      {
        type: 'range',
        from: 1,
        blocks: [1, 2].map(() => ({
          body: new Uint8Array(limits.blockSizeBytes),
          certificate: aCertificate,
        })),
      },
    ],
  ])('does not send %s', (_, message) => {
    expect(() => encodeMeshMessage(message)).toThrow(RangeError);
  });
});

function blockTxsOf(size: number) {
  const places = Array.from({ length: size }, (_, place) => place);
  return { type: 'blockTxs', hash: byte(1, 32), places, txs: places.map(() => body) } as const;
}

function proposalOf() {
  return { type: 'proposal', header: aHeader, txIds: [], vote: aVote } as const;
}
