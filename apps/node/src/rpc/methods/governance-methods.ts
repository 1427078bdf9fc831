import {
  entryOf,
  epochOf,
  lastHeightOf,
  type ProposalState,
  upgradeAt,
  validatorOf,
} from '@aitbc/chain';
import {
  addressOf,
  type Hex,
  type nodeRpc,
  type OutputOf,
  type SignedTx,
  type Validator,
  zeroHash,
} from '@aitbc/protocol';
import { validatorToJson } from '../work-forms.ts';
import { type Handlers, type MethodDeps, notFound } from './deps.ts';
import { pageLimit, pageOf } from './list-methods.ts';
import type { Prover } from './prover.ts';

type GovernanceHandlers = Pick<Handlers, 'validators_get' | 'evidence_list' | 'governance_list'>;
type Evidence = OutputOf<typeof nodeRpc.evidence_list>;
type Proposal = OutputOf<typeof nodeRpc.governance_list>['proposals'][number];

/** Blocks and transactions that one call looks through for evidence: some milliseconds. */
const evidenceBlocks = 1_000;
const evidenceTxs = 10_000;

/** Methods about validators and what they vote on. */
export function governanceMethods(deps: MethodDeps, prover: Prover): GovernanceHandlers {
  return {
    validators_get: ({ epoch }) => validatorsOf(deps, prover, epoch),
    evidence_list: ({ from }) => evidenceFrom(deps, from),
    governance_list: ({ after }) => governanceOf(deps, after),
  };
}

function validatorsOf(
  { opened, live, store, chain }: MethodDeps,
  prover: Prover,
  wanted: number | undefined,
): OutputOf<typeof nodeRpc.validators_get> {
  const { params } = opened.genesis;
  const present = epochOf(params, live.head().header.height + 1);
  const epoch = wanted ?? present;
  if (epoch > present) throw notFound(`epoch ${epoch}`);
  const firstHeight = epoch * params.epochBlocks + 1;
  const set =
    epoch === present ? live.validators() : prover.validatorsOf(chain.blockAt(firstHeight).header);
  const stateOf = (key: Hex) => {
    const state = epoch === present ? validatorOf(store, key) : undefined;
    return state ? validatorToJson(key, state) : null;
  };
  const validators = set.map(({ publicKey, stake }) => ({
    publicKey,
    stake: stake.toString(),
    state: stateOf(publicKey),
  }));
  return { epoch, firstHeight, lastHeight: lastHeightOf(params, epoch), validators };
}

function evidenceFrom({ chain, store }: MethodDeps, from: number | undefined): Evidence {
  const top = Math.min(from ?? chain.headHeight(), chain.headHeight());
  const bottom = Math.max(1, top - evidenceBlocks + 1);
  const evidence: Evidence['evidence'] = [];
  let height = top;
  for (let lookedTxs = 0; height >= bottom && lookedTxs < evidenceTxs; height -= 1) {
    const txCount = chain.txCount(height);
    lookedTxs += txCount;
    if (txCount === 0) continue;
    const isThere = store.receipts(height).some(({ kind }) => kind === 'evidence_submit');
    if (isThere) {
      evidence.push(...chain.blockAt(height).txs.flatMap((tx) => convictionOf(tx, height)));
    }
  }
  return { evidence, next: height >= 1 ? height : null };
}

function convictionOf(tx: SignedTx, height: number): Evidence['evidence'] {
  if (tx.kind !== 'evidence_submit') return [];
  const { validator, epoch, view } = tx.body;
  return [{ height, txId: tx.txId, validator, epoch, view, reporter: addressOf(tx.from) }];
}

function governanceOf(
  { live, store }: MethodDeps,
  after: Hex | undefined,
): OutputOf<typeof nodeRpc.governance_list> {
  const { height } = live.head().header;
  const { page, next } = pageOf(store.keysOf({ letter: 'q', after, limit: pageLimit }));
  const set = live.validators();
  const proposals = page.flatMap((id) => {
    const proposal = entryOf(store, 'proposal', id);
    const isOpen = proposal && !proposal.armed && proposal.untilHeight > height;
    return isOpen ? [proposalToJson(id, proposal, set)] : [];
  });
  const { present = [], armed = [] } = entryOf(store, 'overrides', zeroHash) ?? {};
  const upgrade = upgradeAt(store) ?? null;
  return { height, proposals, next, changed: [...present], armed: [...armed], upgrade };
}

/** Votes of those who have left the set count for nothing. */
function proposalToJson(
  proposalId: Hex,
  { name, value, untilHeight, voters }: ProposalState,
  set: readonly Validator[],
): Proposal {
  const keys = voters.map(({ validator }) => validator);
  const sum = (seats: readonly Validator[]) =>
    seats.reduce((total, { stake }) => total + stake, 0n);
  return {
    proposalId,
    ...{ name, value, untilHeight },
    voters: keys,
    votedStake: sum(set.filter(({ publicKey }) => keys.includes(publicKey))).toString(),
    totalStake: sum(set).toString(),
  };
}
