import { crc32 } from 'node:zlib';
import { concat, createWriter } from '@aitbc/primitives';
import { describe, expect, it } from 'vitest';
import { encodeMark, readMarks, recordsOffset, slotOffset } from './mark.ts';

const point = { epoch: 1, view: 7 };
const mark = { generation: 2, sizeBytes: 16_384, first: 5, next: 9, highest: point, silent: point };

describe('a mark', () => {
  it('with a sound check and a count that no mark can have is not whole', () => {
    const fields = encodeMark(mark).slice(4);
    fields[1] = 0xff; // the first byte of the generation
    const bad = concat(createWriter().u32(crc32(fields)).finish(), fields);
    const all = new Uint8Array(recordsOffset);
    all.set(bad, slotOffset(0));
    all.set(encodeMark(mark), slotOffset(1));
    expect(readMarks(all)).toEqual([undefined, mark]);
  });
});
