/**
 * How fast is the state tree? For each size: building it from stored entries, a block that writes 2 000 accounts
 * (all known; a tenth of them new), the same on top of a version that is not final, the fold, proofs, and memory.
 *
 *   node scripts/bench/parts/tree.mjs [largest power of ten, default 6]
 *
 * Times are CPU µs of this process for each written account, the best of five blocks, leaf hashing included.
 */
import { createStateTree } from '@aitbc/chain';
import { hex, sha256 } from '@aitbc/primitives';

const writesPerBlock = 2_000;
const largest = Number(process.argv[2] ?? 6);
const value = (seed) => sha256(new Uint8Array([seed & 0xff, (seed >> 8) & 0xff])).subarray(0, 24);
const number = new Uint8Array(4);
const keyOf = (index) => {
  new DataView(number.buffer).setUint32(0, index);
  return `a${hex(sha256(number))}`;
};

const rows = [];
for (let power = 3; power <= largest; power += 1) rows.push(measure(10 ** power));
console.table(rows);

function measure(size) {
  const entries = Array.from({ length: size }, (_, index) => [keyOf(index), value(index)]);
  for (const [key] of entries) Buffer.byteLength(key); // a joined text takes its memory when it is read first
  globalThis.gc?.();
  const before = memoryMiB();
  let started = process.cpuUsage();
  const tree = createStateTree(entries);
  const buildMs = cpuMicros(started) / 1000;
  globalThis.gc?.();
  const treeMiB = memoryMiB() - before;
  const known = Array.from({ length: 6 }, (_, round) => blockOf(size, round, 0));
  const withNew = Array.from({ length: 6 }, (_, round) =>
    blockOf(size, round, writesPerBlock / 10),
  );
  const onHead = best(known, (writes) => tree.extend(tree.head, writes));
  const parent = tree.extend(tree.head, known[0]);
  const onVersion = best(known.slice(1), (writes) => tree.extend(parent, writes));
  const news = best(withNew, (writes) => tree.extend(tree.head, writes));
  const folded = best(
    withNew,
    (_writes, planned) => tree.commit(planned),
    (writes) => tree.extend(tree.head, writes),
  );
  started = process.cpuUsage();
  for (let at = 0; at < 1_000; at += 1) tree.proofOf(entries[(at * 7919) % size][0]);
  const proof = cpuMicros(started) / 1_000;
  return {
    entries: size,
    'build ms': Math.round(buildMs),
    'tree MiB': Math.round(treeMiB),
    'known µs': round(onHead),
    'on a version µs': round(onVersion),
    '10 % new µs': round(news),
    'fold µs': round(folded),
    'proof µs': round(proof),
  };
}

function blockOf(size, round, fresh) {
  const writes = new Map();
  for (let at = 0; at < Math.min(writesPerBlock - fresh, size); at += 1) {
    writes.set(keyOf((at * 48_271 + round * 7) % size), value(at + round));
  }
  for (let at = 0; at < fresh; at += 1) writes.set(keyOf(2 ** 31 + at + round * fresh), value(at));
  return writes;
}

/** CPU µs for each account of the fastest block; the first one warms up. */
function best(blocks, run, prepare = () => undefined) {
  const times = blocks.map((writes) => {
    const prepared = prepare(writes);
    const started = process.cpuUsage();
    run(writes, prepared);
    return cpuMicros(started) / writes.size;
  });
  return Math.min(...times.slice(1));
}

function cpuMicros(started) {
  const { user, system } = process.cpuUsage(started);
  return user + system;
}

function memoryMiB() {
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

function round(value) {
  return Math.round(value * 100) / 100;
}
