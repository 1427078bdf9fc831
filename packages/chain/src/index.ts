export * from './apply.ts';
export * from './audit.ts';
export {
  type AuditEntry,
  type AuditOutcome,
  type AuditPhase,
  auditOutcomes,
  coinsIn,
  jurorsOfRound,
  type SeatState,
} from './audit-entries.ts';
export * from './block.ts';
export { type BlockBody, decodeBody, encodeBody } from './body.ts';
export * from './describe.ts';
export * from './entries.ts';
export * from './epoch/epochs.ts';
export { paramsOf } from './epoch/overrides.ts';
export {
  type ValidatorSet,
  validatorSetOf,
  validatorsOfState,
} from './epoch/validator-set.ts';
export { checkVersion, protocolVersion, upgradeAt, versionAt } from './epoch/version.ts';
export { evidenceRootOf, receiptRootOf, txRootOf } from './execute.ts';
export * from './genesis.ts';
export * from './mempool/mempool.ts';
export { createSeenIds, type SeenIds } from './mempool/seen-ids.ts';
export type { MultisigProposalState, MultisigState } from './multisig-entries.ts';
export * from './receipt.ts';
export { proposalIdOf } from './rules/governance.ts';
export { aliveOf, nonceOf } from './rules/lanes.ts';
export { overReasonOf } from './rules/multisig.ts';
export type { BlockContext } from './rules/rule.ts';
export { feeFloorOf } from './rules/table.ts';
export * from './simulate.ts';
export * from './state.ts';
export * from './tree/chunk.ts';
export { hashListRoot, listRoot, proveListItem } from './tree/hash-list.ts';
export * from './tree/tree.ts';
export * from './work-entries.ts';
