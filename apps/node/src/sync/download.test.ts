import { chunkCount, createStateTree, encodeChunk, type StateKey } from '@aitbc/chain';
import { AppError, type Hex } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { downloadChunks } from './download.ts';

const level = 4;
const entries = Array.from(
  { length: 150 },
  (_, at) => [`a${at.toString(16).padStart(64, '0')}`, Uint8Array.of(at)] as [StateKey, Uint8Array],
);
const tree = createStateTree(entries);
const values = new Map(entries);
const chunks = Array.from({ length: chunkCount({ size: tree.size(), level }) }, (_, chunk) =>
  encodeChunk(tree, { level, chunk }, (key) => values.get(key)),
);
const state = { height: 50, stateRoot: tree.root() };

type Give = (chunk: number) => Promise<Uint8Array> | Uint8Array;

const honest: Give = (chunk) => chunks[chunk] as Uint8Array;
const late = () => new AppError('TIMEOUT', { what: 'the answer', timeoutMs: 1 });

/** Fetches everything; what was reported, and how often each peer was asked. */
async function fetchAll(peers: Readonly<Record<Hex, Give>>) {
  const penalized: Hex[] = [];
  const asked: Record<Hex, number> = {};
  const got: Uint8Array[] = [];
  const progress: [number, number][] = [];
  const download = downloadChunks(state, {
    peers: Object.keys(peers),
    questions: {
      async chunkOf(peer, height, chunk) {
        expect(height).toBe(state.height);
        asked[peer] = (asked[peer] ?? 0) + 1;
        return (peers[peer] as Give)(chunk);
      },
    },
    penalize: (peer) => void penalized.push(peer),
    onProgress: (done, total) => void progress.push([done, total]),
  });
  for await (const chunk of download) got.push(chunk);
  return { got, penalized, asked, progress };
}

describe('a download', () => {
  it('brings all chunks in order, from all peers', async () => {
    const { got, penalized, asked, progress } = await fetchAll({ one: honest, two: honest });
    expect(got).toEqual(chunks);
    expect(penalized).toEqual([]);
    expect(Object.keys(asked)).toEqual(['one', 'two']);
    expect(progress.at(-1)).toEqual([chunks.length, chunks.length]);
  });

  it.each<[string, Give]>([
    ['flips a bit', (chunk) => honest(chunk) && (chunks[chunk] as Uint8Array).with(200, 99)],
    ['sends another chunk', (chunk) => chunks[(chunk + 1) % chunks.length] as Uint8Array],
    ['sends what is none', () => Uint8Array.of(1)],
  ])('reports a peer that %s and asks another one', async (_, give) => {
    const { got, penalized, asked } = await fetchAll({ liar: give, two: honest });
    expect(got).toEqual(chunks);
    expect(new Set(penalized)).toEqual(new Set(['liar']));
    expect(asked.liar).toBeLessThanOrEqual(2);
  });

  it('goes on without a peer that stops in the middle, and reports nobody', async () => {
    const stops: Give = (chunk) => {
      if (chunk > 3) throw new AppError('UNAVAILABLE', { what: 'it', reason: 'it hung up' });
      return honest(chunk);
    };
    const silent: Give = () => {
      throw late();
    };
    const { got, penalized, asked } = await fetchAll({ one: stops, two: silent, three: honest });
    expect(got).toEqual(chunks);
    expect(penalized).toEqual([]);
    expect(asked.two).toBeLessThanOrEqual(4);
  });

  it('ends when no peer is left', async () => {
    const gone: Give = () => {
      throw new AppError('NOT_FOUND', { what: 'chunk' });
    };
    await expect(fetchAll({ one: gone, two: gone })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(fetchAll({})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
