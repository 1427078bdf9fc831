/**
 * Taking snapshots while blocks are stored. At every `everyBlocks`-th height the state is pinned right after
 * that block is stored and before the next one is; a thread of its own writes it. A height whose certificate is
 * that of a later block has no header that proves itself and is passed over, as is one that comes while the
 * snapshot before it is still being written. A snapshot that fails is a warning: the chain does not need it.
 */
import { Worker } from 'node:worker_threads';
import type { BlockHeader, Certificate, Hex, Validator } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { SnapshotOrder } from './snapshot-worker.ts';
import type { SnapshotInfo } from './snapshots.ts';

/** What is needed of a final block. */
export interface CertifiedHeader {
  readonly header: BlockHeader;
  readonly hash: Hex;
  readonly certificate: Certificate;
}

/** What a snapshotting is made of. */
export interface SnapshottingOptions {
  readonly dataDir: string;
  /** Blocks between two snapshots; 0 for none. */
  readonly everyBlocks: number;
  /** Program of the thread; the one beside this file when left out. */
  readonly entry?: URL;
}

/** Parts of a snapshotting. */
export interface SnapshottingDeps<B extends CertifiedHeader> {
  readonly commit: (blocks: readonly B[]) => Promise<void>;
  /** Validators of the block after the last stored one. */
  readonly validators: () => readonly Validator[];
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** Stores blocks and takes snapshots between them. */
export interface Snapshotting<B extends CertifiedHeader> {
  /** Oldest first, one call at a time; resolves when all are stored. */
  commit(blocks: readonly B[]): Promise<void>;
  /** The next stored block that proves itself gets a snapshot, whatever its height. */
  request(): void;
  /** Resolves when no snapshot is being written. */
  idle(): Promise<void>;
  /** Ends the thread; a half-written snapshot is removed by the next one. */
  stop(): Promise<void>;
}

/** A snapshotting over the commit of a store. */
export function createSnapshotting<B extends CertifiedHeader>(
  options: SnapshottingOptions,
  { commit, validators, log }: SnapshottingDeps<B>,
): Snapshotting<B> {
  const { dataDir, everyBlocks } = options;
  const entry = options.entry ?? new URL('./snapshot-worker.js', import.meta.url);
  let isRequested = false;
  let running: { readonly worker: Worker; readonly ended: Promise<void> } | undefined;

  const isDue = ({ header, hash, certificate }: B): boolean => {
    const isTurn = isRequested || (everyBlocks > 0 && header.height % everyBlocks === 0);
    return isTurn && certificate.blockHash === hash && !running;
  };
  const begin = (info: SnapshotInfo): Promise<void> => {
    isRequested = false;
    const order: SnapshotOrder = { dataDir, info };
    const worker = new Worker(entry, { workerData: order, execArgv: [] });
    const { height } = info.header;
    let isFailed = false;
    worker.on('error', ({ message: reason }) => {
      isFailed = true;
      log.warn({ height, reason }, 'a snapshot was not written');
    });
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', (code) => {
        running = undefined;
        if (!isFailed && code === 0) log.info({ height }, 'a snapshot was written');
        resolve();
      });
    });
    running = { worker, ended };
    const pinned = new Promise<void>((resolve) => worker.once('message', () => resolve()));
    return Promise.race([pinned, ended]);
  };
  return {
    async commit(blocks) {
      let from = 0;
      for (const [at, block] of blocks.entries()) {
        if (!isDue(block)) continue;
        if (at > from) await commit(blocks.slice(from, at));
        const info = { ...block, validators: [...validators()] };
        await commit([block]);
        from = at + 1;
        const { header, certificate } = info;
        await begin({ header, certificate, validators: info.validators });
      }
      if (from < blocks.length) await commit(blocks.slice(from));
    },
    request() {
      isRequested = true;
    },
    idle: async () => running?.ended,
    async stop() {
      await running?.worker.terminate();
    },
  };
}
