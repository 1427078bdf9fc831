/** What a node and its owner keep on disk: entries of the state, rows of the database, files. Nothing damaged is believed. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { decodeChunk, decodeEntry, encodeEntry, keyOf } from '@aitbc/chain';
import { utf8 } from '@aitbc/primitives';
import { encodeCertificate, encodeHeader, zModelBenchmark } from '@aitbc/protocol';
import { demand, demandSame, demandSameBytes } from '../check.mjs';
import { mutateBytes, mutateJson } from '../mutate.mjs';
import { randomOf } from '../random.mjs';
import { createGenerator } from '../schemas/generate.mjs';
import { varyJson } from '../vary.mjs';
import { bytesTarget, readOrRefused } from './target.mjs';

const corrupt = ['STORE_CORRUPT'];
const fill = (byte) => byte.repeat(32);

/** All of them; `undo` gets what removes the temporary folder. */
export function storageTargets(corpus, internals, undo) {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-fuzz-files-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  return [
    ...entryTargets(corpus),
    ...rowTargets(corpus, internals),
    ...fileTargets(corpus, internals, folder),
  ];
}

const kinds = [
  ...['account', 'channel', 'agent', 'provider', 'validator', 'valset', 'roster', 'burned'],
  ...['proposal', 'overrides', 'upgrade', 'mandate', 'task', 'multisig', 'multisigProposal'],
  ...['audit', 'docket', 'jurors'],
];
const plainMax = 700;

/** Values of every kind of entry. They start from plain bytes of a length that the decoder takes. */
function entryTargets({ chunk }) {
  const real = decodeChunk(chunk).value.rows.map(({ value }) => value);
  const read = (kind, bytes) => readOrRefused(() => decodeEntry(kind, fill('01'), bytes), corrupt);
  return kinds.filter(isKind).map((kind) => {
    const plain = [0, 1].flatMap((byte) =>
      Array.from({ length: plainMax }, (_, size) => new Uint8Array(size).fill(byte)),
    );
    const taken = plain.filter((bytes) => read(kind, bytes) !== undefined);
    const corpus = [...taken, ...real];
    return {
      ...{ name: `decodeEntry ${kind}`, covers: ['decodeEntry', 'readRecord'] },
      mutate: (random) => mutateBytes(random, corpus),
      check(bytes) {
        const found = read(kind, bytes);
        if (!found) return false;
        demandSameBytes(encodeEntry(kind, found.value), bytes);
        return true;
      },
    };
  });
}

function isKind(kind) {
  try {
    keyOf(kind, fill('01'));
    return true;
  } catch {
    return false;
  }
}

function rowTargets({ signed }, { receiptRows, database }) {
  const { decodeReceiptRow, encodeReceiptRow } = receiptRows;
  const receipts = signed.slice(0, 4).map(({ txId, kind, from, fee }, index) => ({
    ...{ txId, height: 3, index, kind, from, fee },
    ...(kind === 'channel_claim' ? { rows: [{ channelId: txId, paid: 7n, code: null }] } : {}),
  }));
  const place = { offset: 9, sizeBytes: 80, txCount: 1, hash: fill('0b') };
  const row = (name, { samples, decode, encode }) =>
    bytesTarget({
      ...{ name, covers: [name], samples },
      check(bytes) {
        const found = readOrDecodeError(() => decode(bytes));
        if (!found) return false;
        // Numbers above 2^53 are none that the node has written; they may be read as others.
        const numbers = Object.values(Object(found.value)).concat(found.value);
        if (numbers.some((one) => typeof one === 'number' && !Number.isSafeInteger(one)))
          return true;
        const written = encode(found.value);
        demandSameBytes(written, bytes.subarray(0, written.length));
        return true;
      },
    });
  return [
    bytesTarget({
      ...{ name: 'decodeReceiptRow', covers: ['decodeReceiptRow'] },
      samples: [encodeReceiptRow(receipts), encodeReceiptRow(receipts.slice(0, 1)), [1], [1, 0]],
      check(bytes) {
        const found = readOrRefused(() => decodeReceiptRow(3, bytes), corrupt);
        if (!found) return false;
        const again = decodeReceiptRow(3, encodeReceiptRow(found.value));
        demandSame(again, found.value, 'receipts change on the way');
        return true;
      },
    }),
    row('decodeBlockRow', {
      samples: [database.encodeBlockRow(place)],
      decode: database.decodeBlockRow,
      encode: database.encodeBlockRow,
    }),
    row('decodeApplied', {
      samples: [database.encodeApplied({ height: 3, view: 4, logEnd: 5, hash: fill('0c') })],
      decode: database.decodeApplied,
      encode: database.encodeApplied,
    }),
    row('decodeEntryRow', {
      samples: [database.encodeEntryRow(3, utf8('value'))],
      decode: database.decodeEntryRow,
      encode: ({ index, value }) => database.encodeEntryRow(index, value),
    }),
    row('decodeHeight', {
      samples: [database.heightKey(7)],
      decode: database.decodeHeight,
      encode: database.heightKey,
    }),
    row('decodePlace', {
      samples: [new Uint8Array(12).fill(1)],
      decode: database.decodePlace,
      encode: ({ height, index }) => {
        const bytes = Buffer.alloc(12);
        bytes.writeBigUInt64BE(BigInt(height));
        bytes.writeUInt32BE(index, 8);
        return bytes;
      },
    }),
  ];
}

/** Rows of the node's own database: LMDB keeps them whole, so a broken one may end in any error of a reader. */
function readOrDecodeError(read) {
  try {
    return { value: read() };
  } catch (error) {
    demand(['DecodeError', 'RangeError'].includes(error?.constructor?.name), `it throws ${error}`);
    return undefined;
  }
}

/** A reader of a file: what it may throw, and samples of what stands there. */
function fileTarget({ name, covers, path, samples, isJson, read, codes, isTaken }) {
  const corpus = samples.map((sample) => utf8(isJson ? JSON.stringify(sample) : sample));
  return {
    ...{ name, covers, ...(isJson && { vary: varyJson }) },
    mutate: (random) =>
      isJson && random.below(2) === 0 ? mutateJson(random, samples) : mutateBytes(random, corpus),
    check(bytes) {
      writeFileSync(path, bytes, { mode: 0o600 });
      const found = readOrRefused(read, codes);
      return found !== undefined && isTaken(found.value);
    },
  };
}

function fileTargets(corpus, internals, folder) {
  return [...nodeFiles(corpus, internals, folder), ...ownerFiles(corpus, internals, folder)];
}

function nodeFiles({ genesis, header, messages }, internals, folder) {
  const { nodeKeyFile, nodeGenesisFile, snapshots, cliGenesisFile } = internals;
  const keyPath = join(folder, 'validator.key');
  const genesisPath = join(folder, 'genesis.json');
  const manifest = join(folder, 'snapshots', '7', 'manifest.json');
  mkdirSync(dirname(manifest), { recursive: true });
  const { certificates } = messages.find(({ type }) => type === 'certificates');
  const snapshot = {
    header: Buffer.from(encodeHeader(header)).toString('hex'),
    certificate: Buffer.from(encodeCertificate(certificates[0])).toString('hex'),
    validators: [{ publicKey: fill('01'), stake: '7' }],
    ...{ size: 9, level: 4 },
  };
  const any = () => true;
  return [
    fileTarget({
      ...{
        name: 'readKeyFile',
        covers: ['readKeyFile'],
        path: keyPath,
        samples: [`${fill('01')}\n`],
      },
      ...{ read: () => nodeKeyFile.readKeyFile(keyPath), codes: ['CONFIG_INVALID'], isTaken: any },
    }),
    fileTarget({
      ...{ name: 'readGenesisFile', covers: ['readGenesisFile'], path: genesisPath, isJson: true },
      ...{ samples: [genesis], codes: ['CONFIG_INVALID'], isTaken: any },
      read: () => nodeGenesisFile.readGenesisFile(genesisPath),
    }),
    fileTarget({
      ...{
        name: 'readGenesisFile cli',
        covers: ['readGenesisFile'],
        path: genesisPath,
        isJson: true,
      },
      ...{ samples: [genesis], isTaken: any },
      read: () => cliGenesisFile.readGenesisFile(genesisPath),
    }),
    fileTarget({
      ...{ name: 'readSnapshot', covers: ['readSnapshot'], path: manifest, isJson: true },
      ...{ samples: [snapshot], codes: ['STORE_CORRUPT'], isTaken: (found) => found !== undefined },
      read: () => snapshots.readSnapshot(folder, 7),
    }),
  ];
}

function ownerFiles(_corpus, internals, folder) {
  const { benchmarkFile, workFile, backupManifest, pluginRoots, configFile } = internals;
  const path = (name) => join(folder, name);
  const copied = { path: 'node/x', how: 'copy', mode: 0o600, bytes: 1, sha256: fill('01') };
  const manifest = {
    version: 1,
    begunAtMs: 1,
    endedAtMs: 2,
    names: ['node'],
    leftOut: [],
    files: [copied],
  };
  const work = { messages: [{ role: 'user', content: 'hi' }], max_tokens: 8, temperature: 0 };
  const benchmark = createGenerator(zModelBenchmark).valid(randomOf('storage', 'benchmark', 0));
  mkdirSync(path('commands'), { recursive: true });
  return [
    fileTarget({
      ...{
        name: 'readBenchmarks',
        covers: ['readBenchmarks'],
        path: path('bench.json'),
        isJson: true,
      },
      ...{ samples: [[benchmark]], codes: [] },
      read: () => benchmarkFile.readBenchmarks(path('bench.json')),
      isTaken: (found) => found.length > 0,
    }),
    fileTarget({
      ...{ name: 'readWork', covers: ['readWork'], path: path('work.jsonl'), isJson: true },
      ...{
        samples: [work, null],
        read: () => workFile.readWork(path('work.jsonl')),
        codes: ['CLI_USAGE'],
      },
      isTaken: ({ rows }) => rows.length > 0,
    }),
    fileTarget({
      ...{ name: 'readManifest backup', covers: ['readManifest'], path: path('backup.json') },
      ...{ isJson: true, samples: [manifest], codes: ['STORE_CORRUPT'] },
      read: () => backupManifest.readManifest(folder),
      isTaken({ files, names }) {
        const paths = [...names, ...files.map((file) => file.path)];
        demand(!paths.some((one) => one.split('/').includes('..')), 'a path leads out');
        return true;
      },
    }),
    fileTarget({
      ...{
        name: 'readPackage',
        covers: ['readPackage', 'readManifest'],
        path: path('package.json'),
      },
      ...{
        isJson: true,
        samples: [
          { aitbc: { commands: './commands' }, version: '1' },
          { aitbc: { commands: 'a\u0000' } },
        ],
        codes: [],
      },
      read: () => pluginRoots.readPackage('aitbc-plugin-x', folder),
      isTaken(found) {
        if ('reason' in found) return false;
        demand(found.root.dir.startsWith(folder), 'a plugin reaches out of its package');
        return true;
      },
    }),
    fileTarget({
      ...{ name: 'readConfig cli', covers: ['readConfig'], path: path('config.toml') },
      samples: ['node-url = "http://127.0.0.1:9"\n# note\n', "node-url='http://a'\n", ''],
      ...{ read: () => configFile.readConfig(path('config.toml')), codes: [] },
      isTaken: ({ fault }) => fault === undefined,
    }),
  ];
}
