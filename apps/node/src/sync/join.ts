/**
 * Joining a chain that has gone on for long: instead of executing all of it, a node that is at the beginning, or far
 * behind, takes over a snapshot that its peers offer, and fetches blocks from there on. It happens before the chain of the
 * node lives; when no peer offers a snapshot that can be proven, blocks are fetched, as always.
 * See docs/spec/consensus.md, "Joining".
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  asAppError,
  type BlockHeader,
  blockHashOf,
  type Hex,
  messageOf,
  verifyLightBundle,
} from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import { type Download, installSnapshot } from '../storage/snapshots/install.ts';
import { downloadChunks } from './download.ts';
import type { Front } from './front.ts';
import type { NodeNet } from './net.ts';
import type { Offer, Questions } from './questions.ts';
import { proveOffer, type TrustOptions } from './trust.ts';

const farEpochs = 10;
const attemptsMax = 3;
/** How long peers are waited for: with none there, with one, with two or more. */
const patienceMs = [3_000, 1_000, 300] as const;
const lookMs = 10;
const progressMs = 5_000;

/** Who joins. */
export interface JoinOptions extends TrustOptions {
  readonly folder: string;
  /** Last block that is stored. */
  readonly head: Pick<BlockHeader, 'height'>;
  /** Blocks between two snapshots in this network, as far as we know. */
  readonly snapshotBlocks: number;
}

/** What joining uses. */
export interface JoinDeps {
  readonly front: Pick<Front, 'statuses'>;
  readonly questions: Questions;
  readonly clock: Clock;
  readonly log: Log;
  penalize(peer: Hex, reason: string): void;
  /** Closes the stored data; called before anything in the folder changes. */
  release(): Promise<void>;
}

/**
 * True when the stored chain now begins with a snapshot; the stored data is closed then, and after a try that failed.
 * Throws LIGHT_FORK, CANCELLED.
 */
export async function joinBySnapshot(
  options: JoinOptions,
  deps: JoinDeps,
  signal: AbortSignal,
): Promise<boolean> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const candidates = offering(options, deps);
    if (candidates.length === 0) return false;
    try {
      await joinOnce(options, { ...deps, candidates }, signal);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      const { code, facts } = asAppError(error);
      if (code === 'INTERNAL' || code === 'LIGHT_FORK' || code === 'STORE_CORRUPT') throw error;
      const reason = messageOf(code, facts);
      deps.log.warn({ code, reason, attempt }, 'joining by snapshot failed');
    }
  }
  return false;
}

/** Waits until the peers have said where they stand, or that our key is in use; the fewer there are the longer. */
export async function hearPeers(
  { front, keyInUseAt }: Pick<JoinDeps, 'front'> & Pick<NodeNet, 'keyInUseAt'>,
  targets: number,
  signal: AbortSignal,
): Promise<void> {
  const startMs = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const heard = [...front.statuses().values()].filter((status) => status).length;
    const waitMs = patienceMs[Math.min(heard, patienceMs.length - 1)] as number;
    const isEnough = heard >= targets || keyInUseAt() !== undefined;
    if (isEnough || performance.now() >= startMs + waitMs) return;
    await sleep(lookMs);
  }
}

/** Peers whose snapshot is worth it, the newest first. */
function offering({ head, snapshotBlocks, genesis }: JoinOptions, { front }: JoinDeps): Hex[] {
  const farBlocks = farEpochs * genesis.params.epochBlocks;
  const far = snapshotBlocks === 0 ? farBlocks : Math.min(snapshotBlocks, farBlocks);
  const least = head.height === 0 ? 1 : head.height + far + 1;
  const heights = [...front.statuses()].map(
    ([peer, status]) => [peer, status?.snapshotHeight ?? 0] as const,
  );
  return heights
    .filter(([, height]) => height >= least)
    .sort(([, a], [, b]) => b - a)
    .map(([peer]) => peer);
}

async function joinOnce(
  options: JoinOptions,
  deps: JoinDeps & { readonly candidates: readonly Hex[] },
  signal: AbortSignal,
): Promise<void> {
  const { network, folder } = options;
  const { questions, log } = deps;
  const offers = await soundOffers(options, deps);
  const others = [...deps.front.statuses().keys()].filter((peer) => !offers.has(peer));
  const peers = [...offers.keys(), ...others];
  const proven = await proveOffer(options, { ...deps, peers, offers }, signal);
  const { header, hash } = proven;
  const { height, stateRoot } = header;
  const givers = giversOf(options, deps, { offers, header });
  log.info({ height, hash, peers: givers.length }, 'joining by snapshot');
  await deps.release();
  const onProgress = createProgress(log, height);
  const chunks = downloadChunks(
    { height, stateRoot },
    { peers: givers, questions, penalize: deps.penalize, onProgress },
  );
  const download: Download = { network, header, chunks: untilAborted(chunks, signal) };
  await installSnapshot(folder, download);
  log.info({ height, hash }, 'the chain begins with this snapshot now');
}

/** What peers offer, in the order of the candidates, as far as it is sound in itself. */
async function soundOffers(
  { network }: JoinOptions,
  deps: JoinDeps & { readonly candidates: readonly Hex[] },
): Promise<Map<Hex, Offer>> {
  const { candidates, questions } = deps;
  const answers = await Promise.allSettled(candidates.map((peer) => questions.snapshotOf(peer)));
  const offers = new Map<Hex, Offer>();
  for (const [at, answer] of answers.entries()) {
    if (answer.status === 'rejected') continue;
    const peer = candidates[at] as Hex;
    const sound = verifyLightBundle(network, answer.value.bundle);
    if (sound.ok) offers.set(peer, answer.value);
    else deps.penalize(peer, `its snapshot is not proven: ${String(sound.facts.reason)}`);
  }
  if (offers.size > 0) return offers;
  throw new AppError('UNAVAILABLE', { what: 'A snapshot', reason: 'no peer shows its own' });
}

/** Peers with the proven block; another block of the same height is a lie. */
function giversOf(
  { network }: JoinOptions,
  { penalize }: JoinDeps,
  of: { readonly offers: ReadonlyMap<Hex, Offer>; readonly header: BlockHeader },
): Hex[] {
  const hash = blockHashOf(network, of.header);
  const givers: Hex[] = [];
  for (const [peer, { bundle }] of of.offers) {
    if (blockHashOf(network, bundle.header) === hash) givers.push(peer);
    else if (bundle.header.height === of.header.height) {
      penalize(peer, `its snapshot is of another block ${of.header.height}`);
    }
  }
  return givers;
}

function createProgress(log: Log, height: number): (done: number, total: number) => void {
  let saidAtMs = performance.now();
  return (done, total) => {
    if (performance.now() < saidAtMs + progressMs) return;
    saidAtMs = performance.now();
    log.info({ height, done, total }, 'joining by snapshot: chunks');
  };
}

async function* untilAborted(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    yield chunk;
  }
}
