export * from './agents/index.ts';
export * from './audits/index.ts';
export * from './blocks.ts';
export * from './dialects/index.ts';
export * from './endpoints/index.ts';
export * from './errors.ts';
export * from './evidence.ts';
export type { Fields, Hex, RecordOf } from './fields.ts';
export * as field from './fields.ts';
export {
  addressOf,
  readRecord,
  recordFromJson,
  recordToJson,
  writeRecord,
} from './fields.ts';
export * from './limits.ts';
export * from './mesh/index.ts';
export * from './messages/index.ts';
export * from './network.ts';
export * from './params.ts';
export * from './payments/index.ts';
export * from './ports.ts';
export * from './proofs/index.ts';
export * from './relay/index.ts';
export * from './scalars.ts';
export * from './schedule.ts';
export * from './stake.ts';
export * from './transactions.ts';
export * from './tx-kinds.ts';
export {
  createTxVerifier,
  type SignaturePlace,
  signaturesIn,
  type TxSignatures,
  type TxVerifier,
  verifyTx,
} from './tx-signatures.ts';
