/**
 * The small world of the explorer: four validators, one of them a liar, every step by the real core.
 *
 * What is abstracted, and why nothing is lost by it:
 *   - The liar has signed every vote there is and shows each to whom it likes. More it cannot do with votes.
 *   - Honest votes lie in a pool from their first sending on. A vote that makes no quorum changes nothing that
 *     a validator does, so votes are delivered as quorums: vote by vote, to any node, at any time or never. Behind
 *     them comes the certificate, for a node that the liar has told another vote of its own.
 *   - The progress timer may fire at any time; the leader timer and the vote that joins others are cases of it.
 *   - A proposal is delivered in its view; earlier it would only wait there. Bodies come with what names them.
 */
import type { Certificate, Vote, VoteKind } from '@aitbc/protocol';
import { createSchedule, zeroHash } from '@aitbc/protocol';
import { type Agreement, createAgreement } from '../agreement.ts';
import { type AgreementState, viewAt } from '../agreement-state.ts';
import type {
  AgreedBlock,
  AgreementEffect,
  AgreementInput,
  AgreementOptions,
} from '../agreement-types.ts';
import { genesisPoint, stubBlock, stubOptions } from './member.ts';
import { stubCertificate, stubValidators, stubVote } from './stub-scheme.ts';

const size = 4;
/** Voters of a certificate among the four of the world. */
export const quorum = 3;
const kinds: readonly VoteKind[] = Object.freeze(['notarize', 'nullify', 'finalize']);
const keys = stubValidators(size).map(({ publicKey }) => publicKey);
const leaderOf = createSchedule(stubValidators(size));

/** What is explored. */
export interface Scope {
  readonly liar: number;
  /** Nothing is delivered for later views. */
  readonly views: number;
  readonly lastHeight: number;
  /** Crashes of honest nodes on one path, each with a restart from own votes and saved certificates. */
  readonly crashes: number;
  /** Makes the core of a node; for planted bugs. */
  readonly create?: (options: AgreementOptions) => Agreement;
}

/** One honest validator. */
export interface WorldNode {
  readonly index: number;
  readonly core: Agreement;
  readonly state: AgreementState;
  readonly saved: readonly Certificate[];
  /** The block that it was asked to build and has not built. */
  readonly pending: AgreedBlock | undefined;
}

/** Votes enough for a certificate. */
export interface Quorum extends Pick<Vote, 'kind' | 'view' | 'blockHash'> {
  /** Honest voters. */
  readonly voters: readonly number[];
}

/** Everything that matters at one moment. */
export interface World {
  readonly nodes: readonly WorldNode[];
  /** Every vote that an honest validator has sent. */
  readonly pool: readonly Vote[];
  /** Quorums that lie in the pool, the liar's votes counted in. */
  readonly quorums: readonly Quorum[];
  /** Every block that was ever named, by its hash; grows over all worlds. */
  readonly blocks: Map<string, AgreedBlock>;
  readonly crashes: number;
  /** An invariant that the last step broke. */
  readonly broken?: string;
}

/** One thing that may happen next. */
export interface Move {
  readonly label: string;
  readonly run: () => World;
}

/** The world after all honest validators have started. */
export function firstWorld(scope: Scope): World {
  let world: World = { nodes: [], pool: [], quorums: [], blocks: new Map(), crashes: 0 };
  for (let index = 0; index < size; index += 1) {
    if (index === scope.liar) continue;
    const core = createCoreOf(scope, index, {});
    const node = { index, core, state: core.initial, saved: [], pending: undefined };
    world = feed({ ...world, nodes: [...world.nodes, node] }, index, [{ type: 'start' }]);
  }
  return world;
}

function createCoreOf(scope: Scope, index: number, changes: Partial<AgreementOptions>): Agreement {
  const { lastHeight, create = createAgreement } = scope;
  return create(stubOptions(size, index, { lastHeight, hopMinMs: 1, hopMaxMs: 1, ...changes }));
}

/** The honest node of a place. */
export function nodeAt({ nodes }: World, index: number): WorldNode {
  return nodes.find((node) => node.index === index) as WorldNode;
}

/** The world after a node took inputs, one by one. */
export function feed(world: World, index: number, inputs: readonly AgreementInput[]): World {
  return inputs.reduce((present, input) => feedOne(present, index, input), world);
}

function feedOne(world: World, index: number, input: AgreementInput): World {
  const node = nodeAt(world, index);
  const { state, effects } = node.core.step(node.state, input, 0);
  let next: World = { ...world, nodes: replaced(world, { ...node, state }) };
  for (const effect of effects) next = perform(next, index, effect);
  return next;
}

function replaced({ nodes }: World, node: WorldNode): readonly WorldNode[] {
  return nodes.map((one) => (one.index === node.index ? node : one));
}

function perform(world: World, index: number, effect: AgreementEffect): World {
  if (effect.type === 'persist') return persist(world, index, effect);
  if (effect.type === 'evidence' && keys.indexOf(effect.evidence.validator) !== liarOf(world)) {
    return { ...world, broken: `evidence against honest ${effect.evidence.validator.slice(0, 2)}` };
  }
  if (effect.type === 'forged')
    return { ...world, broken: 'an honest message was taken for forged' };
  if (effect.type !== 'propose') return world;
  const block = stubBlock(effect.view, effect.parent, { proposer: keys[index] as string });
  const node = { ...nodeAt(world, index), pending: block };
  return { ...world, nodes: replaced(world, node) };
}

function liarOf({ nodes }: World): number {
  return keys.findIndex((_, index) => nodes.every((node) => node.index !== index));
}

function persist(
  world: World,
  index: number,
  { votes, certificates }: Extract<AgreementEffect, { type: 'persist' }>,
): World {
  const broken = votes.map((vote) => rivalOf(world, vote)).find((what) => what !== undefined);
  const node = nodeAt(world, index);
  const saved = [...node.saved, ...certificates];
  const pool = [...world.pool, ...votes];
  return {
    ...world,
    pool,
    quorums: quorumsOf(pool),
    nodes: replaced(world, { ...node, saved }),
    ...(broken === undefined ? {} : { broken }),
  };
}

function quorumsOf(pool: readonly Vote[]): Quorum[] {
  const tallies = new Map<string, { first: Vote; voters: number[] }>();
  for (const vote of pool) {
    const name = `${vote.kind} ${vote.view} ${vote.blockHash}`;
    const tally = tallies.get(name) ?? { first: vote, voters: [] };
    tally.voters.push(vote.validator);
    tallies.set(name, tally);
  }
  return [...tallies.values()]
    .filter(({ voters }) => voters.length + 1 >= quorum)
    .map(({ first: { kind, view, blockHash }, voters }) => ({ kind, view, blockHash, voters }));
}

function rivalOf({ pool }: World, vote: Vote): string | undefined {
  const isRival = (other: Vote) =>
    other.validator === vote.validator &&
    other.view === vote.view &&
    (other.kind === vote.kind || (other.kind !== 'notarize' && vote.kind !== 'notarize'));
  if (!pool.some(isRival)) return undefined;
  return `validator ${vote.validator} signed a second vote in view ${vote.view}`;
}

/** Everything that may happen next, in a fixed order. */
export function movesOf(scope: Scope, world: World): Move[] {
  const moves: Move[] = [];
  for (const node of world.nodes) {
    if (node.state.final.height >= scope.lastHeight) continue;
    moves.push(...quorumMoves(scope, world, node));
    if (node.state.view <= scope.views) moves.push(...viewMoves(scope, world, node));
    if (world.crashes < scope.crashes) {
      moves.push({ label: `${node.index} restarts`, run: () => restart(scope, world, node) });
    }
  }
  return moves;
}

/** What may happen to a node in its present view: its proposal, that of its leader, the end of its patience. */
function viewMoves(scope: Scope, world: World, node: WorldNode): Move[] {
  const { index, state, pending } = node;
  const { view } = state;
  const moves: Move[] = [];
  if (pending?.view === view) {
    moves.push({ label: `${index} proposes`, run: () => build(world, node, pending) });
  }
  const record = viewAt(state, view);
  const leader = leaderOf(view);
  if (record?.notarize.votes[leader] === undefined) {
    for (const hash of namedIn(scope, world, view)) {
      const vote = stubVote({ kind: 'notarize', epoch: 0, view, blockHash: hash }, leader);
      const inputs = [...bodiesFor(world, node, hash), { type: 'vote', vote } as const];
      moves.push({
        label: `${index} hears of ${short(hash)}`,
        run: () => feed(world, index, inputs),
      });
    }
  }
  const hasOwn = (kind: VoteKind) => record?.[kind].votes[index] !== undefined;
  if (!hasOwn('nullify') && !hasOwn('finalize')) {
    const timer = { type: 'timer', timer: 'progress', view } as const;
    moves.push({ label: `${index} times out`, run: () => feed(world, index, [timer]) });
  }
  return moves;
}

/** A node builds the block that it was asked for. */
export function build(world: World, node: WorldNode, block: AgreedBlock): World {
  world.blocks.set(block.hash, block);
  const next = feed(world, node.index, [{ type: 'block', block, valid: true }]);
  return {
    ...next,
    nodes: replaced(next, { ...nodeAt(next, node.index), pending: undefined }),
  };
}

/** Blocks that the leader of a view names to somebody: its own vote if honest, two on each parent if not. */
function namedIn(scope: Scope, world: World, view: number): string[] {
  const leader = leaderOf(view);
  if (leader !== scope.liar) {
    return world.pool
      .filter((vote) => vote.validator === leader && vote.kind === 'notarize' && vote.view === view)
      .map(({ blockHash }) => blockHash);
  }
  const parents = [...certifiable(world, view)].map(
    (hash) => world.blocks.get(hash) as AgreedBlock,
  );
  const fresh = [genesisPoint, ...parents]
    .filter(({ height }) => height < scope.lastHeight)
    .flatMap((parent) => [1, 2].map((salt) => liarBlock(world, view, { parent, salt })));
  return [...fresh, ...parents.map(({ hash }) => hash)];
}

function liarBlock(
  world: World,
  view: number,
  from: {
    readonly parent: { readonly hash: string; readonly height: number };
    readonly salt: number;
  },
): string {
  const proposer = keys[leaderOf(view)] as string;
  const block = stubBlock(view, from.parent, { proposer, salt: from.salt });
  world.blocks.set(block.hash, block);
  return block.hash;
}

/** Hashes that have a notarization in a view before this one. */
function certifiable({ quorums }: World, before: number): Set<string> {
  const notarized = quorums.filter(({ kind, view }) => kind === 'notarize' && view < before);
  return new Set(notarized.map(({ blockHash }) => blockHash));
}

/** The bodies that a node lacks to know a block, oldest first. */
export function bodiesFor(world: World, node: WorldNode, hash: string): AgreementInput[] {
  const inputs: AgreementInput[] = [];
  let block = world.blocks.get(hash);
  while (block && block.height > node.state.final.height) {
    inputs.unshift({ type: 'block', block, valid: true });
    block = world.blocks.get(block.parent);
  }
  return inputs;
}

/** Quorums that a node has no certificate of. */
function quorumMoves(scope: Scope, world: World, node: WorldNode): Move[] {
  const moves: Move[] = [];
  for (const one of world.quorums) {
    const { kind, view, blockHash, voters } = one;
    if (view > scope.views || view <= node.state.final.view || holds(node.state, one)) continue;
    const ballot = { kind, epoch: 0, view, blockHash };
    const signers = [...voters, scope.liar].sort();
    const inputs: AgreementInput[] = [
      ...signers.map((validator) => ({ type: 'vote', vote: stubVote(ballot, validator) }) as const),
      { type: 'certificate', certificate: stubCertificate(ballot, signers) },
    ];
    const bodies = kind === 'nullify' ? [] : bodiesFor(world, node, blockHash);
    moves.push({
      label: `${node.index} sees ${kind} ${view} ${short(blockHash)}`,
      run: () => feed(world, node.index, [...bodies, ...inputs]),
    });
  }
  return moves;
}

function holds(
  state: AgreementState,
  { kind, view, blockHash }: Pick<Vote, 'kind' | 'view' | 'blockHash'>,
): boolean {
  const record = viewAt(state, view);
  const held = {
    notarize: record?.notarization,
    nullify: record?.nullification,
    finalize: record?.finalization,
  };
  return held[kind]?.blockHash === blockHash;
}

/** A node comes back with what is on its disk: final chain, own votes, saved certificates, bodies. */
function restart(scope: Scope, world: World, node: WorldNode): World {
  const { index, saved } = node;
  const { final } = node.state;
  const ownVotes = world.pool.filter(
    ({ validator, view }) => validator === index && view > final.view,
  );
  const core = createCoreOf(scope, index, { final, ownVotes, certificates: saved });
  const fresh: WorldNode = { index, core, state: core.initial, saved, pending: undefined };
  const next = { ...world, nodes: replaced(world, fresh), crashes: world.crashes + 1 };
  const bodies = ownVotes.flatMap(({ blockHash }) => bodiesFor(world, fresh, blockHash));
  return feed(next, index, [{ type: 'start' }, ...bodies]);
}

/** Two worlds of one name go on alike. */
export function nameOf(world: World): string {
  const nodes = world.nodes.map((node) => nameOfNode(node, world.crashes > 0));
  const pool = world.pool.map(
    ({ kind, view, blockHash, validator }) =>
      `${validator}${kind[2]}${view}${blockHash.slice(0, 24)}`,
  );
  return [...nodes, ...pool.sort(), world.crashes].join('|');
}

function nameOfNode({ index, state, saved, pending }: WorldNode, withDisk: boolean): string {
  const own = (one: Vote | undefined) => one?.blockHash.slice(0, 24);
  const views = state.views
    .filter(({ view }) => view > state.final.view)
    .map((record) =>
      [
        record.view,
        record.notarization?.blockHash.slice(0, 24),
        record.nullification && 'x',
        record.finalization?.blockHash.slice(0, 24),
        own(record.notarize.votes[leaderOf(record.view)]),
        ...kinds.map((kind) => own(record[kind].votes[index])),
        ...record.blocks.map(({ hash }) => hash.slice(0, 24)).sort(),
      ].join(','),
    );
  const disk = withDisk ? saved.map(({ kind, view }) => `${kind}.${view}`).sort() : [];
  const head = [state.view, state.final.hash.slice(0, 24), state.askedView, pending?.view];
  return [...head, ...views, ...disk].join(';');
}

/** The beginning of a hash, for reports. */
export function short(hash: string): string {
  return hash === zeroHash ? '-' : hash.slice(0, 12);
}
