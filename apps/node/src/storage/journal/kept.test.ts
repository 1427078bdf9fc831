import { limits } from '@aitbc/protocol';
import { expect, it } from 'vitest';
import { bodyOf, certificateOf, hashOf, voteOf } from '../../testing/journal-kit.ts';
import { createKept } from './kept.ts';
import { firstPosition } from './position.ts';
import type { JournalItem } from './record.ts';

const empty = () => createKept({ highest: firstPosition, silent: firstPosition });
const types = (items: readonly JournalItem[]) => items.map(({ type }) => type);

it('drops the oldest of too many votes and stays silent in their rounds', () => {
  const kept = empty();
  const votes = Array.from({ length: 65_538 }, (_, at) => voteOf('nullify', at + 1));
  kept.take(votes.map((vote) => ({ type: 'vote', vote })));
  expect(kept.items()).toHaveLength(65_536);
  expect(kept.silent()).toEqual({ epoch: 0, view: 2 });
  expect(kept.highest()).toEqual({ epoch: 0, view: 65_538 });
});

it('drops the oldest of too many bytes of blocks, and of too many certificates', () => {
  const kept = empty();
  const { bytes } = bodyOf(1, limits.blockSizeBytes);
  for (let block = 1; block <= 34; block += 1) {
    kept.take([{ type: 'body', body: { hash: hashOf(block), bytes } }]);
  }
  const bodies = kept.items().flatMap((item) => (item.type === 'body' ? [item.body.hash] : []));
  expect(bodies).toEqual(Array.from({ length: 32 }, (_, at) => hashOf(at + 3)));
  for (let view = 1; view <= 1_030; view += 1) {
    kept.take([{ type: 'certificate', certificate: certificateOf(view) }]);
  }
  expect(kept.items().filter(({ type }) => type === 'certificate')).toHaveLength(1_024);
});

it('asks for each thing once, bodies before the votes that name them', () => {
  const kept = empty();
  const batch = {
    votes: [voteOf('notarize', 1), voteOf('notarize', 1)],
    bodies: [bodyOf(1), bodyOf(1)],
    certificates: [certificateOf(1), certificateOf(1)],
  };
  const items = kept.fresh(batch);
  expect(types(items)).toEqual(['body', 'certificate', 'vote']);
  kept.take(items);
  expect(kept.fresh(batch)).toEqual([]);
});

it('forgets blocks by the height in their header and keeps those above', () => {
  const kept = empty();
  kept.take([5, 6].map((block) => ({ type: 'body', body: bodyOf(block) })));
  kept.take([{ type: 'body', body: { hash: hashOf(9), bytes: new Uint8Array(3) } }]);
  kept.forget({ epoch: 0, view: 5, height: 5 });
  expect(kept.items()).toEqual([{ type: 'body', body: bodyOf(6) }]);
});
