/**
 * What must hold in every world of the explorer. Agreement is the promise; the lemmas below it are the steps of its
 * proof and break earlier, nearer to a fault:
 *   - no honest validator signs two votes of a view that contradict each other (checked while the world moves),
 *   - no view certifies two blocks, and none is both nullified and finalized,
 *   - a notarized block stands on a notarized one or on the beginning, every view between being nullified,
 *   - every certificate that a validator holds was signed by a quorum.
 */
import type { Certificate, VoteKind } from '@aitbc/protocol';
import { voteKinds, zeroHash } from '@aitbc/protocol';
import {
  bodiesFor,
  build,
  feed,
  nodeAt,
  type Quorum,
  quorum,
  type Scope,
  short,
  type World,
  type WorldNode,
} from './explorer-world.ts';
import { genesisPoint } from './member.ts';

/** What is wrong in a world, or undefined. */
export function problemOf(scope: Scope, world: World): string | undefined {
  if (world.broken !== undefined) return world.broken;
  return forkIn(world) ?? overlapIn(world) ?? skippedIn(world) ?? unsoundIn(scope, world);
}

/** Final blocks, known to a node or only possible by now, that are not on one chain. */
function forkIn(world: World): string | undefined {
  const possible = world.quorums
    .filter(({ kind }) => kind === 'finalize')
    .map(({ blockHash }) => ({
      hash: blockHash,
      height: world.blocks.get(blockHash)?.height ?? 0,
    }));
  const points = [...world.nodes.map(({ state }) => state.final), ...possible];
  points.sort((a, b) => a.height - b.height);
  for (const [at, point] of points.entries()) {
    const next = points[at + 1];
    if (next && !isAncestor(world, point, next.hash)) {
      return `final blocks ${short(point.hash)} and ${short(next.hash)} are not on one chain`;
    }
  }
  return undefined;
}

function isAncestor({ blocks }: World, point: { hash: string; height: number }, hash: string) {
  let at = hash;
  for (let block = blocks.get(at); block && block.height > point.height; block = blocks.get(at)) {
    at = block.parent;
  }
  return at === point.hash;
}

/** Two certificates of one view that exclude each other. */
function overlapIn({ quorums }: World): string | undefined {
  const excludes = (one: Quorum, other: Quorum) => {
    if (one.view !== other.view) return false;
    if (one.kind === other.kind) return one.blockHash !== other.blockHash;
    return one.kind === 'nullify' && other.kind === 'finalize';
  };
  for (const one of quorums) {
    const other = quorums.find((candidate) => excludes(one, candidate));
    if (other) return `view ${one.view} has quorums to ${one.kind} and to ${other.kind} another`;
  }
  return undefined;
}

/** A notarized block that passes over a view which is not nullified. */
function skippedIn({ quorums, blocks }: World): string | undefined {
  const has = (kind: VoteKind, view: number, hash: string) =>
    quorums.some((one) => one.kind === kind && one.view === view && one.blockHash === hash);
  const stands = ({ view, blockHash }: Quorum) => {
    const block = blocks.get(blockHash);
    const below = block?.view === view ? block.parent : blockHash;
    for (let at = view - 1; at > 0; at -= 1) {
      if (has('notarize', at, below)) return true;
      if (!has('nullify', at, zeroHash)) return false;
    }
    return below === genesisPoint.hash;
  };
  const wrong = quorums.find((one) => one.kind === 'notarize' && !stands(one));
  return wrong && `block ${short(wrong.blockHash)} of view ${wrong.view} passes over a view`;
}

/** A certificate that somebody holds and no quorum signed. */
function unsoundIn(scope: Scope, world: World): string | undefined {
  for (const { index, state } of world.nodes) {
    const unsound = certificatesOf(state.views).find((one) => !isSound(scope, world, one));
    if (unsound)
      return `validator ${index} holds a certificate of view ${unsound.view} without quorum`;
  }
  return undefined;
}

function certificatesOf(views: WorldNode['state']['views']): Certificate[] {
  return views.flatMap(({ notarization, nullification, finalization }) =>
    [notarization, nullification, finalization].filter((one) => one !== undefined),
  );
}

function isSound(scope: Scope, { pool }: World, certificate: Certificate): boolean {
  const { kind, view, blockHash, votes } = certificate;
  const isSigned = (validator: number) =>
    pool.some(
      (vote) =>
        vote.validator === validator &&
        vote.view === view &&
        vote.blockHash === blockHash &&
        voteKinds[vote.kind] === kind,
    );
  const voters = new Set(votes.map(({ validator }) => validator));
  return voters.size >= quorum && [...voters].every((one) => one === scope.liar || isSigned(one));
}

/**
 * Lets the liar fall silent and everything else be delivered: every honest node must finalize something new, or
 * end its epoch. Answers what is stuck, or undefined.
 */
export function stuckIn(scope: Scope, start: World): string | undefined {
  const goal = Math.max(...start.nodes.map(({ state }) => state.final.height)) + 1;
  const target = Math.min(goal, scope.lastHeight);
  let world = start;
  for (let round = 0; round < stuckRounds; round += 1) {
    if (world.nodes.every(({ state }) => state.final.height >= target)) return undefined;
    if (world.broken !== undefined) return world.broken;
    world = deliverAll(world);
    if (round % 3 === 2) world = world.nodes.reduce(timeOut, world);
  }
  const places = world.nodes.map(({ state }) => `${state.view}/${state.final.height}`);
  return `nothing moves any more: views and heights ${places.join(' ')}`;
}

const stuckRounds = 60;

function timeOut(world: World, { index }: WorldNode): World {
  const { view } = nodeAt(world, index).state;
  return feed(world, index, [{ type: 'timer', timer: 'progress', view }]);
}

function deliverAll(world: World): World {
  let next = world;
  const certificates = world.nodes.flatMap(({ state }) => [
    ...(state.finalization ? [state.finalization] : []),
    ...certificatesOf(state.views),
  ]);
  for (const { index } of world.nodes) {
    const { pending, state } = nodeAt(next, index);
    if (pending?.view === state.view) next = build(next, nodeAt(next, index), pending);
    const named = [...next.pool, ...certificates].map(({ blockHash }) => blockHash);
    const hashes = [...new Set(named)].filter((hash) => hash !== zeroHash);
    next = feed(next, index, [
      ...hashes.flatMap((hash) => bodiesFor(next, nodeAt(next, index), hash)),
      ...certificates.map((certificate) => ({ type: 'certificate' as const, certificate })),
      ...next.pool.map((vote) => ({ type: 'vote' as const, vote })),
    ]);
  }
  return next;
}
