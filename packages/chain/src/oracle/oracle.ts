/** The oracle on genesis, envelopes and blocks. See docs/spec/chain.md, "Execution" and "Blocks". */
import { amountMax } from '@aitbc/primitives';
import {
  accountIdOf,
  contentIdOf,
  createSchedule,
  type ErrorCode,
  feePayerOf,
  type Genesis,
  type Hex,
  laneIdOf,
  laneOf,
  networkFromGenesis,
  type Operation,
  type SignedTx,
  type UnsignedTx,
  unwrap,
  type Validator,
  zeroHash,
} from '@aitbc/protocol';
import type { AnyEntry } from '../entries.ts';
import * as audits from './oracle-audit.ts';
import { type Action, formOf, spentBy } from './oracle-forms.ts';
import * as jury from './oracle-jury.ts';
import * as money from './oracle-money.ts';
import * as sharing from './oracle-multisig.ts';
import * as stake from './oracle-stake.ts';
import {
  accountIn,
  copyTables,
  emptyTables,
  give,
  need,
  Refused,
  rememberHalt,
  type Stage,
  type Tables,
  takeVault,
} from './oracle-state.ts';
import * as work from './oracle-work.ts';

/** A block as the oracle needs it; refused transactions may stand in it, they do nothing. */
export interface OracleBlock {
  readonly height: number;
  readonly view: number;
  readonly timeMs: number;
  readonly proposer: Hex;
  /** Hash of the parent. */
  readonly parent: Hex;
  readonly txs: readonly SignedTx[];
}

/** What one transaction did. */
export interface OracleResult {
  readonly txId: Hex;
  /** Null for an accepted one. */
  readonly code: ErrorCode | null;
  /** Rows of a claim. */
  readonly rows?: readonly money.OracleRow[];
}

/** A ledger that follows blocks. */
export interface Oracle {
  /** Executes the next block. Throws RangeError when its proposer does not lead its view. */
  apply(block: OracleBlock): OracleResult[];
  /** All entries in no order. */
  entries(): AnyEntry[];
  validators(): readonly Validator[];
}

const expiring = 65_535;
const horizonBlocks = 10_000;
const aliveMax = 64;
const skippedMax = 256;

/** The oracle in the state of a genesis document. */
export function createOracle(genesis: Genesis): Oracle {
  const network = networkFromGenesis(genesis);
  let tables = genesisTables(genesis);
  let parent = { epoch: 0, view: 0, timeMs: genesis.timeMs };

  return {
    apply({ height, view, timeMs, proposer, parent: parentHash, txs }) {
      const { epochBlocks } = genesis.params;
      const epoch = Math.floor((height - 1) / epochBlocks);
      const params = stake.paramsIn(tables, genesis.params);
      const skipped = skippedLeaders(tables, epoch === parent.epoch ? parent.view : 0, view);
      if (skipped.leader !== proposer) throw new RangeError('another validator leads this view');
      rememberHalt({ tables, params, height, timeMs }, parent.timeMs);
      let fees = 0n;
      const results = txs.map((tx): OracleResult => {
        const copy = copyTables(tables);
        const stage = { tables: copy, network, params, height, timeMs, from: tx.from };
        const result = attempt(stage, tx);
        if (result.code === null) {
          tables = copy;
          fees += tx.fee;
        }
        return result;
      });
      if (fees > 0n) give(tables, proposer, { balance: fees });
      const end = { tables, network, params, height, timeMs };
      audits.drawAll(end, parentHash);
      stake.countMisses(end, proposer, skipped.leaders);
      if (height % epochBlocks === 0) stake.endEpoch(tables, genesis.params);
      parent = { epoch, view, timeMs };
      return results;
    },
    entries: () =>
      Object.entries(tables).flatMap(([kind, table]) =>
        [...(table as Map<Hex, unknown>)].map(([id, entry]) => ({ kind, id, entry }) as AnyEntry),
      ),
    validators: () => stake.setIn(tables),
  };
}

function genesisTables(genesis: Genesis): Tables {
  const tables = emptyTables();
  for (const { address, balance } of genesis.accounts) {
    const account = { balance: BigInt(balance), nonce: 0, vault: 0n };
    tables.account.set(unwrap(accountIdOf(address)), account);
  }
  for (const { publicKey, stake: text, owner } of genesis.validators) {
    tables.validator.set(publicKey, {
      owner: owner === undefined ? publicKey : unwrap(accountIdOf(owner)),
      stake: BigInt(text),
      leaving: 0n,
      leavingDueMs: 0,
      jailedUntilMs: 0,
      missedViews: 0,
      slashed: false,
    });
  }
  const rows = genesis.validators.map(({ publicKey, stake: text }) => {
    return { publicKey, stake: BigInt(text) };
  });
  const members = stake.inOrder(rows);
  const keys = members.map(({ publicKey }) => ({ validator: publicKey }));
  tables.valset.set(zeroHash, { members });
  tables.roster.set(zeroHash, { keys });
  return tables;
}

/** Leaders of the views between two, and of the later one. */
function skippedLeaders(
  tables: Tables,
  from: number,
  to: number,
): { leaders: Hex[]; leader: Hex | undefined } {
  const set = stake.setIn(tables);
  const leaderOf = createSchedule(set);
  const keyAt = (view: number) => set[leaderOf(view)]?.publicKey;
  const leaders: Hex[] = [];
  for (let view = from + 1; view < to && leaders.length < skippedMax; view += 1) {
    leaders.push(keyAt(view) as Hex);
  }
  return { leaders, leader: keyAt(to) };
}

function attempt(stage: Stage, tx: SignedTx): OracleResult {
  try {
    const rows = execute(stage, tx);
    return { txId: tx.txId, code: null, ...(rows ? { rows } : {}) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { txId: tx.txId, code: error.code };
  }
}

function execute(stage: Stage, tx: SignedTx): money.OracleRow[] | undefined {
  const { tables, network, height, from } = stage;
  need(tx.chain === network.chain, 'TX_WRONG_CHAIN');
  need(tx.validUntil === 0 || tx.validUntil >= height, 'TX_EXPIRED');
  const lane = laneOf(tx);
  const isNear = tx.validUntil > 0 && tx.validUntil <= height + horizonBlocks;
  need(lane !== expiring || isNear, 'TX_EXPIRY_INVALID');
  need(tx.fee >= floorOf(stage, tx), 'TX_FEE_TOO_LOW');
  formOf(from, tx as Operation);
  const spent = spentBy(tx as Operation);
  need(spent + tx.fee <= amountMax, 'TX_AMOUNT_OVERFLOW');
  const moveLane = turnOf(stage, tx, lane);
  const payer = feePayerOf(tx) as Hex;
  const cost = payer === from ? spent + tx.fee : spent;
  const sender = accountIn(tables, from);
  need(sender.balance >= cost, 'TX_FUNDS_INSUFFICIENT');
  need(payer === from || accountIn(tables, payer).balance >= tx.fee, 'TX_FUNDS_INSUFFICIENT');
  const nonce = lane === 0 ? sender.nonce + 1 : sender.nonce;
  if (lane === 0 || cost > 0n) {
    tables.account.set(from, { ...sender, balance: sender.balance - cost, nonce });
  }
  moveLane();
  if (payer !== from) {
    const sponsor = accountIn(tables, payer);
    tables.account.set(payer, { ...sponsor, balance: sponsor.balance - tx.fee });
  }
  return effectOf(stage, tx as Operation);
}

function floorOf({ params }: Stage, tx: UnsignedTx): bigint {
  const flat = BigInt(params.fees[tx.kind] ?? 1_000n);
  if (tx.kind === 'channel_claim') {
    return flat + BigInt(params.feePerRow) * BigInt(tx.body.rows.length);
  }
  if (tx.kind !== 'batch' && tx.kind !== 'multisig_propose') return flat;
  return flat + BigInt(params.feePerOperation) * BigInt(tx.body.operations.length);
}

/** Checks the nonce; what is returned moves the lanes beside the ordinary one. */
function turnOf({ tables, network, height, from }: Stage, tx: SignedTx, lane: number): () => void {
  if (lane === expiring) {
    const rows = tables.expiring.get(from)?.alive ?? [];
    const alive = rows.filter(({ validUntil }) => validUntil >= height);
    const contentId = contentIdOf(tx);
    need(!alive.some((row) => row.contentId === contentId), 'TX_DUPLICATE');
    need(alive.length < aliveMax, 'TX_EXPIRING_FULL');
    const row = { contentId, validUntil: tx.validUntil };
    return () => void tables.expiring.set(from, { alive: [...alive, row] });
  }
  const id = laneIdOf(network, from, lane);
  const expected = lane === 0 ? accountIn(tables, from).nonce : (tables.lane.get(id)?.nonce ?? 0);
  need(tx.nonce >= expected, 'TX_NONCE_TOO_LOW');
  need(tx.nonce <= expected, 'TX_NONCE_TOO_HIGH');
  return () => {
    if (lane !== 0) tables.lane.set(id, { nonce: expected + 1 });
  };
}

function effectOf(stage: Stage, action: Action): money.OracleRow[] | undefined {
  const { tables, from } = stage;
  const { kind, body } = action;
  switch (kind) {
    case 'channel_claim':
      return money.claim(stage, body);
    case 'transfer':
      give(tables, body.to, { balance: body.amount });
      return undefined;
    case 'vault_deposit':
      give(tables, from, { vault: body.amount });
      for (const allocation of body.allocations) money.fund(stage, from, allocation);
      return undefined;
    case 'vault_withdraw':
      takeVault(tables, from, body.amount);
      give(tables, from, { balance: body.amount });
      return undefined;
    case 'agent_register':
      tables.agent.set(from, body);
      return undefined;
    case 'batch':
      for (const operation of body.operations) effectOf(stage, operation);
      return undefined;
    default:
      otherEffect(stage, action);
      return undefined;
  }
}

type Effects = { readonly [K in Action['kind']]?: (stage: Stage, body: never) => void };

const effects: Effects = {
  channel_fund: (stage, body) => money.fund(stage, stage.from, body),
  channel_refund: money.refund,
  withdraw_init: money.beginWithdrawal,
  withdraw_finalize: money.endWithdrawal,
  provider_register: work.registerProvider,
  provider_unbond: work.unbondProvider,
  bond_withdraw: work.withdrawBond,
  mandate_grant: work.grant,
  mandate_revoke: work.revoke,
  mandate_fund: work.fundByMandate,
  mandate_transfer: work.payByMandate,
  task_post: work.postTask,
  task_accept: (stage, body) => work.moveTask(stage, 'task_accept', body),
  task_submit: (stage, body) => work.moveTask(stage, 'task_submit', body),
  task_approve: (stage, body) => work.moveTask(stage, 'task_approve', body),
  task_dispute: (stage, body) => work.moveTask(stage, 'task_dispute', body),
  task_resolve: (stage, body) => work.moveTask(stage, 'task_resolve', body),
  task_expire: (stage, body) => work.moveTask(stage, 'task_expire', body),
  validator_bond: stake.bond,
  validator_unbond: stake.unbond,
  stake_withdraw: stake.withdrawStake,
  validator_unjail: stake.unjail,
  evidence_submit: stake.convict,
  param_vote: stake.voteParam,
  upgrade_signal: stake.voteUpgrade,
  auditor_enroll: jury.enroll,
  auditor_leave: jury.leaveRoster,
  audit_open: audits.openAudit,
  audit_commit: audits.commit,
  audit_reveal: audits.reveal,
  audit_appeal: audits.appeal,
  audit_close: audits.close,
  multisig_create: sharing.createShared,
  multisig_propose: (stage, body) => sharing.propose(stage, doing, body),
  multisig_approve: (stage, body) => sharing.approve(stage, doing, body),
  multisig_cancel: sharing.takeBack,
  multisig_change: sharing.changeShared,
};

const doing: sharing.Doing = {
  spent: spentBy,
  effect: (stage, operation) => void effectOf(stage, operation),
};

function otherEffect(stage: Stage, { kind, body }: Action): void {
  const effect = effects[kind];
  if (!effect) throw new RangeError(`the oracle has no effect for ${kind}`);
  effect(stage, body as never);
}
