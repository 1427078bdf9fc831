/**
 * Plays a trace of the Quint model on real cores, one for each honest validator.
 *
 * An action of the trace becomes the inputs that let a core do the same: a block and its leader's vote, a timer, the
 * certificate that opens a view. The core answers at once where the model may wait, so it is not forced into the
 * state of the trace. Instead the votes that the cores did sign make a state of the model of their own (`model`), and
 * every vote, entry, certificate and commit must be one that the rules allow in that state. After every action each
 * core is also tempted in a copy, which is thrown away: with every block of the trace in the liar's name, twice in
 * a row, and with the timers of this view and the one before.
 */
import type { VoteKind } from '@aitbc/protocol';
import { zeroHash } from '@aitbc/protocol';
import { type Agreement, createAgreement } from '../agreement.ts';
import { type AgreementState, viewAt } from '../agreement-state.ts';
import type {
  AgreedBlock,
  AgreementEffect,
  AgreementInput,
  AgreementOptions,
} from '../agreement-types.ts';
import { genesisPoint, stubBlock, stubOptions } from './member.ts';
import {
  chainOf,
  finalChainOf,
  forbids,
  initialModel,
  leader,
  type ModelQuorum,
  type ModelScope,
  type ModelState,
  type ModelVote,
  mayEnter,
  modelSize,
  quorumsOf,
  votersOf,
  withView,
  withVote,
} from './quint-rules.ts';
import { stubCertificate, stubValidators, stubVote } from './stub-scheme.ts';

/** One action: its name and its numbers, see `stepsOf` in scripts/model/traces.mjs. */
export type TraceStep = readonly [action: string, ...numbers: number[]];

/** A trace of the model. */
export interface Trace extends ModelScope {
  readonly steps: readonly TraceStep[];
}

/** How a trace is played. */
export interface ReplayOptions {
  /** Quorums come as single votes before the certificate, and finalizations as soon as there are any. */
  readonly prompt: boolean;
  readonly create?: (options: AgreementOptions) => Agreement;
}

/** A core in the replay. */
interface Player {
  readonly index: number;
  readonly core: Agreement;
  state: AgreementState;
  readonly commits: number[];
}

/** What came of a trace. */
export interface Replay {
  readonly options: ReplayOptions;
  readonly trace: Trace;
  readonly players: readonly Player[];
  readonly hashes: string[];
  readonly blocks: AgreedBlock[];
  /** The model with the votes of the cores. */
  model: ModelState;
  /** The model with the votes of the trace. */
  spec: ModelState;
  readonly problems: string[];
  certificates: number;
  temptations: number;
}

const keys = stubValidators(modelSize).map(({ publicKey }) => publicKey);
const certificateOf = Object.freeze({
  notarize: 'notarization',
  nullify: 'nullification',
  finalize: 'finalization',
} as const);
const voteKindsInOrder: readonly VoteKind[] = Object.freeze(['notarize', 'nullify', 'finalize']);

/** Plays a trace to its end, then shows every certificate to every core. */
export function replayTrace(trace: Trace, options: ReplayOptions): Replay {
  const replay = createReplay(trace, options);
  for (const player of replay.players) feed(replay, player, { type: 'start' });
  for (const step of trace.steps) {
    play(replay, step);
    for (const player of replay.players) {
      if (options.prompt) showFinal(replay, player);
      tempt(replay, player);
    }
  }
  for (let round = 0; round < 2; round += 1) {
    for (const player of replay.players) catchUp(replay, player, Number.POSITIVE_INFINITY);
    for (const player of replay.players) showFinal(replay, player);
  }
  checkFinal(replay);
  return replay;
}

function createReplay(trace: Trace, options: ReplayOptions): Replay {
  const { create = createAgreement } = options;
  const honest = keys.map((_, index) => index).filter((index) => index !== trace.liar);
  const players = honest.map((index) => {
    const core = create(stubOptions(modelSize, index, { lastHeight: trace.last }));
    return { index, core, state: core.initial, commits: [] };
  });
  const { hash, height, view } = genesisPoint;
  const genesis: AgreedBlock = { hash, parent: zeroHash, height, view, proposer: zeroHash };
  return {
    options,
    trace,
    players,
    hashes: [hash],
    blocks: [genesis],
    model: initialModel(trace),
    spec: initialModel(trace),
    problems: [],
    certificates: 0,
    temptations: 0,
  };
}

function playerOf({ players }: Replay, index: number): Player {
  return players.find((player) => player.index === index) as Player;
}

/** One action of the trace, first in the model, which must allow it, then by a core as far as it can. */
function play(replay: Replay, [action, ...numbers]: TraceStep): void {
  const [first = 0, view = 0, block = 0] = numbers;
  if (action === 'lie') addBlock(replay, first, view);
  else if (action === 'enter') {
    if (!mayEnter(replay.spec, first, view)) {
      replay.problems.push(`the trace enters view ${view} and the rules here do not`);
    }
    replay.spec = withView(replay.spec, first, view);
    enter(replay, playerOf(replay, first), view);
  } else {
    const kind = action === 'propose' ? 'notarize' : (action as VoteKind);
    if (action === 'propose') addBlock(replay, view, block);
    const number = action === 'propose' ? replay.blocks.length - 1 : block;
    const vote: ModelVote = { kind, by: first, view, block: number };
    const why = forbids(replay.spec, vote);
    if (why) replay.problems.push(`the trace has what the rules here forbid: ${why}`);
    replay.spec = withVote(replay.spec, vote);
    act(replay, vote, action === 'propose');
  }
}

function addBlock(replay: Replay, view: number, parent: number): void {
  const on = replay.blocks[parent] as AgreedBlock;
  const proposer = keys[leader(view)] as string;
  const block = stubBlock(view, on, { proposer, salt: replay.blocks.length });
  replay.blocks.push(block);
  replay.hashes.push(block.hash);
  const blocks = [...replay.spec.blocks, { view, parent, height: block.height }];
  replay.spec = { ...replay.spec, blocks };
  replay.model = { ...replay.model, blocks };
}

function act(replay: Replay, vote: ModelVote, isProposal: boolean): void {
  const { kind, by, view, block } = vote;
  const player = playerOf(replay, by);
  if (kind === 'nullify') feed(replay, player, { type: 'timer', timer: 'progress', view });
  else if (kind === 'finalize') {
    // In the present view it would open the next one too: it waits until the trace enters that.
    if (player.state.view > view) show(replay, player, { kind: 'notarize', view, block });
  } else if (player.state.view === view) {
    catchUp(replay, player, view);
    const named = { kind, by: leader(view), view, block };
    const isToldBy = named.by !== by && !forbidsNaming(replay, named);
    if (isProposal || isToldBy) {
      for (const input of bodiesOf(replay, block)) feed(replay, player, input);
    }
    if (isToldBy) feed(replay, player, { type: 'vote', vote: voteOf(replay, named) });
  }
}

function forbidsNaming({ trace, model }: Replay, named: ModelVote): boolean {
  return named.by !== trace.liar && !votersOf(model, named).includes(named.by);
}

function enter(replay: Replay, player: Player, view: number): void {
  if (player.state.view >= view) return;
  const [first] = inOrder(
    replay,
    player,
    quorumsOf(replay.model).filter((one) => one.view === view - 1),
  );
  if (first) show(replay, player, first);
}

/** Shows all certificates of views below `before`, as a core needs them to vote there. */
function catchUp(replay: Replay, player: Player, before: number): void {
  const known = quorumsOf(replay.model).filter(
    ({ kind, view }) => view < before && kind !== 'finalize',
  );
  for (const one of inOrder(replay, player, known)) show(replay, player, one);
}

function showFinal(replay: Replay, player: Player): void {
  for (const one of quorumsOf(replay.model)) {
    if (one.kind === 'finalize' && one.view < player.state.view) show(replay, player, one);
  }
}

/** A nullification before the notarization of its view keeps a core from finalizing: so the trace decides. */
function inOrder({ trace }: Replay, { index }: Player, all: readonly ModelQuorum[]) {
  const isWanted = ({ view }: ModelQuorum) =>
    trace.steps.some(([name, by, at]) => name === 'finalize' && by === index && at === view);
  const rank = (one: ModelQuorum) => {
    if (one.kind === 'notarize') return isWanted(one) ? 0 : 2;
    return one.kind === 'nullify' ? 1 : 3;
  };
  return [...all].sort((one, other) => one.view - other.view || rank(one) - rank(other));
}

function voteOf({ hashes }: Replay, { kind, by, view, block }: ModelVote) {
  return stubVote({ kind, epoch: 0, view, blockHash: hashOf(hashes, kind, block) }, by);
}

function hashOf(hashes: readonly string[], kind: VoteKind, block: number): string {
  return kind === 'nullify' ? zeroHash : (hashes[block] as string);
}

function bodiesOf({ blocks, model }: Replay, number: number): AgreementInput[] {
  return chainOf(model, number).map((at) => ({
    type: 'block',
    block: blocks[at] as AgreedBlock,
    valid: true,
  }));
}

/** Shows a certificate; the core must hold it then, or be past it. */
function show(replay: Replay, player: Player, one: ModelQuorum): void {
  const { hashes, trace, model, options } = replay;
  if (holds(replay, player, one)) return;
  const { kind, view, block } = one;
  const ballot = { kind, epoch: 0, view, blockHash: hashOf(hashes, kind, block) };
  const signers = [...votersOf(model, one), trace.liar].sort();
  for (const input of bodiesOf(replay, block)) feed(replay, player, input);
  if (options.prompt) {
    for (const by of signers) feed(replay, player, { type: 'vote', vote: stubVote(ballot, by) });
  }
  feed(replay, player, { type: 'certificate', certificate: stubCertificate(ballot, signers) });
  replay.certificates += 1;
  if (holds(replay, player, one)) return;
  replay.problems.push(`${player.index} does not take the ${certificateOf[kind]} of view ${view}`);
}

function holds({ hashes, trace }: Replay, { state }: Player, one: ModelQuorum): boolean {
  const { kind, view, block } = one;
  if (view <= state.final.view || state.final.height >= trace.last) return true;
  return viewAt(state, view)?.[certificateOf[kind]]?.blockHash === hashOf(hashes, kind, block);
}

function feed(replay: Replay, player: Player, input: AgreementInput): void {
  const { state, effects } = player.core.step(player.state, input, 0);
  const found = judgeStep(replay, player, { model: replay.model, state, effects });
  player.state = state;
  replay.model = found.model;
  replay.problems.push(...found.problems);
  for (const effect of effects) {
    if (effect.type === 'commit') player.commits.push(replay.hashes.indexOf(effect.block.hash));
  }
}

interface Outcome {
  readonly model: ModelState;
  readonly state: AgreementState;
  readonly effects: readonly AgreementEffect[];
}

/** The model after what a core did in a step, and what of it the rules do not allow. */
function judgeStep(replay: Replay, { index }: Player, outcome: Outcome) {
  const { state, effects } = outcome;
  const { model, problems } = judgeVotes(replay, index, outcome);
  problems.push(...effects.flatMap((effect) => complaintOf(replay, index, effect) ?? []));
  if (!mayEnter(model, index, state.view)) problems.push(`${index} enters view ${state.view}`);
  const next = withView(model, index, state.view);
  problems.push(...unsound(replay, index, { model: next, state, effects }));
  return { model: next, problems };
}

function judgeVotes({ hashes }: Replay, index: number, { model, effects }: Outcome) {
  const problems: string[] = [];
  let next = model;
  const votes = effects.flatMap((effect) => (effect.type === 'persist' ? effect.votes : []));
  for (const { kind, view, validator: by, blockHash } of votes) {
    const block = kind === 'nullify' ? 0 : hashes.indexOf(blockHash);
    const why = forbids(next, { kind, by, view, block });
    if (why) problems.push(`${index} in view ${view}: ${why}`);
    next = withVote(next, { kind, by, view, block });
  }
  return { model: next, problems };
}

/** Nobody but the liar may be called a liar. */
function complaintOf({ trace }: Replay, index: number, effect: AgreementEffect) {
  if (effect.type === 'forged') return `${index} takes a signed message for forged`;
  if (effect.type !== 'evidence' || effect.evidence.validator === keys[trace.liar])
    return undefined;
  return `${index} accuses an honest validator`;
}

/** Certificates and commits of a core without a quorum behind them. */
function unsound({ hashes }: Replay, index: number, { model, state, effects }: Outcome): string[] {
  const problems: string[] = [];
  const quorums = quorumsOf(model);
  for (const record of state.views) {
    for (const kind of voteKindsInOrder) {
      const held = record[certificateOf[kind]];
      const isBacked = quorums.some(
        (one) =>
          one.kind === kind &&
          one.view === record.view &&
          hashOf(hashes, kind, one.block) === held?.blockHash,
      );
      if (held && !isBacked) problems.push(`${index} holds a ${certificateOf[kind]} of nobody`);
    }
  }
  const final = finalChainOf(model).map((number) => hashes[number]);
  for (const effect of effects) {
    if (effect.type !== 'commit' || final.includes(effect.block.hash)) continue;
    problems.push(`${index} commits a block that is not final`);
  }
  return problems;
}

/** Feeds inputs to a copy of a core that is thrown away. */
function tempt(replay: Replay, player: Player): void {
  const { view } = player.state;
  for (const at of [view, view - 1]) {
    tryOut(replay, player, [{ type: 'timer', timer: 'progress', view: at }]);
  }
  if (leader(view) !== replay.trace.liar) return;
  const numbers = replay.blocks.map((_, number) => number).slice(1);
  for (const number of numbers) {
    const inputs = numbers.flatMap((second) =>
      [number, second].flatMap((block): AgreementInput[] => {
        const by = replay.trace.liar;
        const vote = voteOf(replay, { kind: 'notarize', by, view, block });
        return [...bodiesOf(replay, block), { type: 'vote', vote }];
      }),
    );
    tryOut(replay, player, inputs);
  }
}

function tryOut(replay: Replay, player: Player, inputs: readonly AgreementInput[]): void {
  let { state } = player;
  let { model } = replay;
  for (const input of inputs) {
    const next = player.core.step(state, input, 0);
    const found = judgeStep(replay, player, { model, ...next });
    replay.problems.push(...found.problems.map((problem) => `tempted, ${problem}`));
    state = next.state;
    model = found.model;
  }
  replay.temptations += 1;
}

/** Having seen all, each core has committed just what is final by the votes of the cores. */
function checkFinal({ players, model, problems }: Replay): void {
  const final = finalChainOf(model);
  for (const { index, commits } of players) {
    if (commits.join() === final.join()) continue;
    problems.push(`${index} committed ${commits.join()}, final is ${final.join()}`);
  }
}
