/**
 * Snapshots on disk: the state after a final block, cut into chunks that each prove themselves against the
 * state root, with the header, its certificate and the validators who signed it.
 *
 *   snapshots/<height>/manifest.json   what the snapshot is; written last
 *   snapshots/<height>/chunk-<n>       bytes as `encodeChunk` makes them
 *
 * A snapshot is written under the name `<height>.new`, synced and renamed, so one that has its name is whole.
 * The newest two are kept: a peer that has begun with one gets time to finish it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  chunkCount,
  chunkLevelOf,
  encodeChunk,
  type ReadValue,
  type StateTree,
} from '@aitbc/chain';
import { bytesFromHex, hex } from '@aitbc/primitives';
import {
  AppError,
  type BlockHeader,
  type Certificate,
  decodeCertificate,
  decodeHeader,
  encodeCertificate,
  encodeHeader,
  type Hex,
  unwrap,
  type Validator,
} from '@aitbc/protocol';
import { syncFolder } from '../files.ts';

const keptSnapshots = 2;

/** What a snapshot is. */
export interface SnapshotInfo {
  readonly header: BlockHeader;
  /** Finalization of the header itself. */
  readonly certificate: Certificate;
  /** Whose votes the certificate has. */
  readonly validators: readonly Validator[];
}

/** A snapshot that is served. */
export interface Snapshot extends SnapshotInfo {
  /** Leaves of the state tree, the sentinel among them. */
  readonly size: number;
  /** A chunk has 2^level leaves. */
  readonly level: number;
}

/** State to write; it must not change until it is written. */
export interface FrozenState {
  readonly tree: StateTree;
  readonly readValue: ReadValue;
}

/** Heights of the whole snapshots in a data folder, newest first. */
export function snapshotHeights(dataDir: string): number[] {
  const folder = folderOf(dataDir);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /^\d{1,15}$/.test(name));
  return names.map(Number).sort((a, b) => b - a);
}

/** A snapshot; undefined when it is not there (any more). Throws AppError STORE_CORRUPT. */
export function readSnapshot(dataDir: string, height: number): Snapshot | undefined {
  const path = join(folderOf(dataDir), String(height), 'manifest.json');
  if (!existsSync(path)) return undefined;
  try {
    return snapshotFromJson(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError('STORE_CORRUPT', { what: `the snapshot ${path}`, reason }, { cause: error });
  }
}

/** Bytes of a chunk; undefined when it is not there (any more). */
export function readChunk(dataDir: string, height: number, chunk: number): Uint8Array | undefined {
  const path = join(folderOf(dataDir), String(height), `chunk-${chunk}`);
  return existsSync(path) ? readFileSync(path) : undefined;
}

/**
 * Writes a snapshot, lets other work run between two chunks, and removes all but the newest two. Throws
 * AppError STORE_CORRUPT when the state is not that of the header.
 */
export async function writeSnapshot(
  dataDir: string,
  info: SnapshotInfo,
  { tree, readValue }: FrozenState,
): Promise<void> {
  const { height, stateRoot } = info.header;
  if (tree.root() !== stateRoot) {
    const reason = `the state to write has root ${tree.root()}, not ${stateRoot}`;
    throw new AppError('STORE_CORRUPT', { what: 'a snapshot', reason });
  }
  const folder = folderOf(dataDir);
  const path = join(folder, `${height}.new`);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const cut = { size: tree.size(), level: chunkLevelOf(tree, readValue) };
  for (let chunk = 0; chunk < chunkCount(cut); chunk += 1) {
    await nextTurn();
    const bytes = encodeChunk(tree, { level: cut.level, chunk }, readValue);
    await writeFileSynced(join(path, `chunk-${chunk}`), bytes);
  }
  const manifest = JSON.stringify(snapshotToJson({ ...info, ...cut }), null, 2);
  await writeFileSynced(join(path, 'manifest.json'), Buffer.from(`${manifest}\n`));
  await syncFolder(path);
  rmSync(join(folder, String(height)), { recursive: true, force: true });
  await rename(path, join(folder, String(height)));
  await syncFolder(folder);
  removeOld(dataDir);
}

function folderOf(dataDir: string): string {
  return join(dataDir, 'snapshots');
}

function removeOld(dataDir: string): void {
  const [, oldestKept = 0] = snapshotHeights(dataDir).slice(0, keptSnapshots);
  for (const name of readdirSync(folderOf(dataDir))) {
    const isOld = Number.parseInt(name, 10) < oldestKept;
    if (isOld || name.endsWith('.new')) {
      rmSync(join(folderOf(dataDir), name), { recursive: true, force: true });
    }
  }
}

async function writeFileSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

interface SnapshotJson {
  readonly header: Hex;
  readonly certificate: Hex;
  readonly validators: readonly { readonly publicKey: Hex; readonly stake: string }[];
  readonly size: number;
  readonly level: number;
}

function snapshotToJson(snapshot: Snapshot): SnapshotJson {
  const { header, certificate, validators, size, level } = snapshot;
  return {
    header: hex(encodeHeader(header)),
    certificate: hex(encodeCertificate(certificate)),
    validators: validators.map(({ publicKey, stake }) => ({ publicKey, stake: stake.toString() })),
    size,
    level,
  };
}

function snapshotFromJson(json: SnapshotJson): Snapshot {
  const { header, certificate, validators, size, level } = json;
  return {
    header: unwrap(decodeHeader(bytesOf(header))),
    certificate: unwrap(decodeCertificate(bytesOf(certificate))),
    validators: validators.map(({ publicKey, stake }) => ({ publicKey, stake: BigInt(stake) })),
    size,
    level,
  };
}

function bytesOf(text: Hex): Uint8Array {
  return bytesFromHex(text, text.length / 2) ?? new Uint8Array(0);
}
