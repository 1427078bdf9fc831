/**
 * The journal on disk. A CRC would refuse nearly every mutation before anything is read, so half of the cases get
 * their checks written anew, as a faulty program, not a faulty disk, would leave them.
 */
import { crc32 } from 'node:zlib';
import { demand, demandSame, demandSameBytes } from './check.mjs';
import { mutateBytes } from './mutate.mjs';

const first = 5;
const headBytes = 20;
const alignBytes = 16;
const segmentBytes = 16_384;

/** Records, and the inspection of two whole segments. */
export function journalTargets({ messages, headers, header }, internals) {
  const { record } = internals;
  const votes = messages.find(({ type }) => type === 'votes').votes;
  const { certificates } = messages.find(({ type }) => type === 'certificates');
  const items = [
    ...votes.map((vote) => ({ type: 'vote', vote })),
    { type: 'body', body: { hash: header.parent, bytes: headers[0] } },
    ...certificates.map((certificate) => ({ type: 'certificate', certificate })),
  ];
  const corpus = [record.encodeBatch(items, first), internals.segment.encodeItems(items, first)];
  const mutate = (random) => {
    const bytes = mutateBytes(random, corpus);
    if (random.below(2) === 0) repairRecords(bytes);
    return bytes;
  };
  return [
    { name: 'journal records', mutate, check: (bytes) => checkRecords(bytes, internals) },
    inspectTarget({ corpus, mutate }, internals),
  ];
}

function repairRecords(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0, number = first; at + headBytes <= bytes.length; number += 1) {
    const end = at + headBytes + view.getUint32(at + 4);
    if (end > bytes.length) return;
    view.setBigUint64(at + 8, BigInt(number));
    view.setUint32(at, crc32(bytes.subarray(at + 4, end)));
    at += Math.ceil((end - at) / alignBytes) * alignBytes;
  }
}

function checkRecords(bytes, { record, segment }) {
  const { items, next, end } = record.readBatches(bytes, 0, first);
  demand(next - first === items.length, 'numbers and records differ');
  demand(end <= bytes.length + alignBytes, 'it has read behind the end');
  const written = new Uint8Array(segment.encodeItems(items, first));
  demandSame(record.readBatches(written, 0, first).items, items, 'records change on the way');
  demandSameBytes(segment.encodeItems(items, first), written);
  return items.length > 0;
}

function inspectTarget({ corpus, mutate }, { mark, record, inspect }) {
  const point = { epoch: 1, view: 7 };
  const { next } = record.readBatches(corpus[0], 0, first);
  const base = { sizeBytes: segmentBytes, first, next, highest: point, silent: point };
  const marks = [1, 2, 3].map((generation) => mark.encodeMark({ ...base, generation }));
  const whole = wholeSegment({ marks: [marks[0], marks[0]], records: corpus[0] }, mark);
  return {
    name: 'journal inspect',
    mutate(random) {
      const slots = [0, 1].map(() => {
        if (random.below(2) === 0) return marks[1];
        const slot = mutateBytes(random, marks).slice(0, marks[1].length);
        if (slot.length > 4) new DataView(slot.buffer).setUint32(0, crc32(slot.subarray(4)));
        return slot;
      });
      const all = wholeSegment({ marks: slots, records: mutate(random) }, mark);
      return random.below(8) === 0 ? mutateBytes(random, [all]).slice(0, segmentBytes) : all;
    },
    async check(bytes) {
      const files = { 'journal-0': bytes, 'journal-1': whole };
      const found = await inspect.inspectJournal(diskOf(files));
      demand(['whole', 'damaged', 'lost'].includes(found.condition), 'it has no condition');
      demand(Number.isSafeInteger(found.next), 'the next number is no count');
      return found.condition === 'whole';
    },
  };
}

function wholeSegment({ marks, records }, { recordsOffset, slotOffset }) {
  const all = new Uint8Array(segmentBytes);
  for (const [turn, bytes] of marks.entries()) all.set(bytes, slotOffset(turn));
  all.set(records.subarray(0, segmentBytes - recordsOffset), recordsOffset);
  return all;
}

function diskOf(files) {
  return {
    has: (name) => Object.hasOwn(files, name),
    open: async (name) => ({
      sizeBytes: () => files[name].length,
      read: (offset, size) => files[name].slice(offset, offset + size),
      close: async () => {},
    }),
  };
}
