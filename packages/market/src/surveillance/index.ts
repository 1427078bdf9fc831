export { chainFactsOf, type ShownTx } from './chain-facts.ts';
export {
  alertIdOf,
  type ChainEvent,
  createReporter,
  type Detector,
  defaultThresholds,
  type Finding,
  noAlerts,
  quietMs,
  type Reporter,
  savedPart,
  type Threshold,
  type Watch,
  type WatchedEvent,
  type WatchedKind,
  type WatchOptions,
} from './detector.ts';
export { detectors } from './detectors.ts';
export { createPatrol, type Patrol, type PatrolMember } from './patrol.ts';
export { isChainEvent } from './receipt-event.ts';
export { type RecheckInput, recheck } from './recheck.ts';
