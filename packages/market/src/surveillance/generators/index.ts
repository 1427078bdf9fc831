export { abuses } from './abuses.ts';
export { type Share, shareOf } from './bounds.ts';
export { lookAlikes } from './look-alikes.ts';
export {
  alertsOf,
  type Measured,
  type MeasurePlan,
  measureDetectors,
  playRun,
  type Run,
} from './measure.ts';
