/**
 * Which block may stand on which. A block of view v stands on a block that was certified in a view p < v, or
 * on the final one, and every view between p and v is nullified. So a final block can never be passed by: the
 * quorum that finalized its view holds an honest validator of every quorum that could have nullified it.
 */
import type { Certificate, Hex } from '@aitbc/protocol';
import {
  type AgreementState,
  blockIn,
  certifiedHash,
  findBlock,
  type JudgedBlock,
  type ViewRecord,
  viewAt,
} from './agreement-state.ts';
import type { AgreedBlock, AgreedPoint } from './agreement-types.ts';
import type { Turn } from './turn.ts';

/** What a leader may build on, or what it lacks. */
export type Tip =
  | { readonly type: 'tip'; readonly point: AgreedPoint }
  | { readonly type: 'lacksBlock'; readonly hash: Hex; readonly view: number }
  | { readonly type: 'lacksCertificate'; readonly view: number };

/** The certified block of the highest view before the present one, all views between being nullified. */
export function findTip({ state, setup }: Turn): Tip {
  const base = baseView(state, setup);
  for (let view = state.view - 1; view > base; view -= 1) {
    const record = viewAt(state, view);
    const hash = certifiedHash(record);
    const block = hash === undefined ? undefined : findBlock(state, hash);
    if (block?.valid) return { type: 'tip', point: block };
    if (record?.nullification) continue;
    return hash === undefined
      ? { type: 'lacksCertificate', view }
      : { type: 'lacksBlock', hash, view };
  }
  return { type: 'tip', point: state.final };
}

/** A lone validator passes over the views in which it must not sign: nobody else could nullify them. */
function baseView(state: AgreementState, setup: Turn['setup']): number {
  return setup.lone ? Math.max(state.final.view, setup.silentThrough) : state.final.view;
}

/** Whether the block that the leader of the present view named may get our vote. */
export type Judgement =
  | { readonly type: 'vote' | 'refuse' | 'wait' }
  | { readonly type: 'lacksBlock'; readonly hash: Hex }
  | { readonly type: 'lacksCertificates'; readonly fromView: number; readonly toView: number };

/** Judges a block by its hash; see `Judgement`. */
export function judge(turn: Turn, hash: Hex): Judgement {
  const { state, setup } = turn;
  const block = findBlock(state, hash);
  if (!block) return { type: 'wait' };
  if (block.view !== state.view) return judgeAgain(turn, block);
  const { height } = block;
  if (!block.valid || height > setup.lastHeight || height <= state.final.height) return refuse;
  if (block.parent === state.final.hash) {
    if (height !== state.final.height + 1) return refuse;
    return judgeGap(turn, baseView(state, setup));
  }
  if (height === state.final.height + 1) return refuse;
  const parent = findBlock(state, block.parent);
  if (!parent) return { type: 'lacksBlock', hash: block.parent };
  if (parent.height + 1 !== height || parent.view >= block.view) return refuse;
  return judgeParent(turn, parent);
}

const refuse: Judgement = Object.freeze({ type: 'refuse' });

/** The last block of an epoch is proposed again until it is final; no other block ever is. */
function judgeAgain(turn: Turn, block: JudgedBlock): Judgement {
  if (block.height !== turn.setup.lastHeight || block.view > turn.state.view) return refuse;
  return judgeParent(turn, block);
}

function judgeParent(turn: Turn, parent: AgreedBlock): Judgement {
  const { state } = turn;
  for (let at = state.views.length - 1; at >= 0; at -= 1) {
    const record = state.views[at] as ViewRecord;
    if (record.view < parent.view) break;
    if (record.view >= state.view || certifiedHash(record) !== parent.hash) continue;
    return judgeGap(turn, record.view);
  }
  return { type: 'lacksCertificates', fromView: parent.view, toView: state.view - 1 };
}

/** All views between that of the parent and the present one have to be nullified. */
function judgeGap({ state }: Turn, parentView: number): Judgement {
  for (let view = state.view - 1; view > parentView; view -= 1) {
    if (viewAt(state, view)?.nullification) continue;
    return { type: 'lacksCertificates', fromView: parentView + 1, toView: view };
  }
  return { type: 'vote' };
}

/** Blocks to commit, oldest first, or the hash of the one that is missing. */
export type FinalChain =
  | { readonly type: 'chain'; readonly blocks: readonly JudgedBlock[] }
  | { readonly type: 'lacksBlock'; readonly hash: Hex }
  /** It does not join the final chain: a third of the stake or more has lied. Nothing more is committed on it. */
  | { readonly type: 'fork' };

/** The chain from above the final block up to the one of a finalization. */
export function finalChain(state: AgreementState, { blockHash }: Certificate): FinalChain {
  const blocks: JudgedBlock[] = [];
  let hash = blockHash;
  for (let at = state.views.length - 1; at >= 0 && hash !== state.final.hash; at -= 1) {
    const record = state.views[at] as ViewRecord;
    if (record.view <= state.final.view) break;
    const block = blockIn(record, hash);
    if (!block?.valid) continue;
    blocks.unshift(block);
    if (block.height <= state.final.height) return { type: 'fork' };
    hash = block.parent;
  }
  if (hash === state.final.hash) return { type: 'chain', blocks };
  if (blocks[0]?.height === state.final.height + 1) return { type: 'fork' };
  return { type: 'lacksBlock', hash };
}
