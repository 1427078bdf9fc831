export * from './agreement.ts';
export type {
  AgreementState,
  Ballots,
  JudgedBlock,
  ViewRecord,
  WantedBlock,
} from './agreement-state.ts';
export * from './agreement-types.ts';
export { agreementWindow } from './ballots.ts';
export * from './scheme.ts';
