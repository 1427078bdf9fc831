/**
 * What a node tells those who join: its newest snapshot, chunks of it, and bundles that prove its header.
 * An answer is made only while little waits for the asker; one that reads slowly gets nothing and asks again.
 */
import { performance } from 'node:perf_hooks';
import { asAppError, type Hex, type LightBundle, type MeshMessage } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import { readChunk, readSnapshot, snapshotHeights } from '../storage/snapshots/snapshots.ts';

/** Bytes that may wait for an asker: two of the largest chunks. */
const waitingBytesMax = 4_194_304;
const lookMs = 1_000; // how often the folder is looked at, at most

/** Parts of a snapshot server. */
export interface SnapshotServerDeps {
  readonly dataDir: string;
  readonly log: Pick<Log, 'warn'>;
  /** Bundle of a final block. Throws NOT_FOUND. */
  bundleAt(height: number): LightBundle;
  send(peer: Hex, message: MeshMessage): void;
  /** Bytes that wait for a peer. */
  waitingBytes(peer: Hex): number;
}

/** Questions that it answers. */
export type Question = Extract<
  MeshMessage,
  { readonly type: 'wantSnapshot' | 'wantChunk' | 'wantBundle' }
>;

/** Serves snapshots. */
export interface SnapshotServer {
  /** Height of the newest snapshot, 0 for none. */
  newestHeight(): number;
  answer(peer: Hex, question: Question): void;
}

/** A server over the snapshots in a data folder. */
export function createSnapshotServer(deps: SnapshotServerDeps): SnapshotServer {
  const newest = createNewest(deps.dataDir);
  return {
    newestHeight: newest,
    answer(peer, question) {
      if (deps.waitingBytes(peer) > waitingBytesMax) return;
      const answer = answerTo(deps, newest(), question);
      if (answer) deps.send(peer, answer);
    },
  };
}

function createNewest(dataDir: string): () => number {
  let height = 0;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = performance.now();
    if (nowMs < lookedAtMs + lookMs) return height;
    lookedAtMs = nowMs;
    height = snapshotHeights(dataDir)[0] ?? 0;
    return height;
  };
}

function answerTo(
  deps: SnapshotServerDeps,
  newest: number,
  question: Question,
): MeshMessage | undefined {
  const { type } = question;
  if (type === 'wantSnapshot') return newestOffer(deps, newest);
  const { height } = question;
  if (type === 'wantBundle') return { type: 'bundle', height, bundles: bundlesAt(deps, height) };
  const { chunk } = question;
  const bytes = readChunk(deps.dataDir, height, chunk) ?? new Uint8Array(0);
  return { type: 'chunk', height, chunk, bytes };
}

function newestOffer(
  { dataDir, log }: SnapshotServerDeps,
  height: number,
): MeshMessage | undefined {
  if (height === 0) return undefined;
  try {
    const snapshot = readSnapshot(dataDir, height);
    if (!snapshot) return undefined;
    const { header, certificate, validators, size, level } = snapshot;
    return { type: 'snapshot', bundle: { header, certificate, validators }, size, level };
  } catch (error) {
    log.warn({ err: error, height }, 'a snapshot cannot be served');
    return undefined;
  }
}

function bundlesAt({ bundleAt }: SnapshotServerDeps, height: number): LightBundle[] {
  try {
    return [bundleAt(height)];
  } catch (error) {
    if (asAppError(error).code !== 'NOT_FOUND') throw error;
    return [];
  }
}
