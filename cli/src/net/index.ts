/** Parts of the chaos network that tests use on smaller scenes: lines that break, liars, load, agreement. */
export { type Agreement, compareNodes, type Ledger, sharedHead } from './chain/agreement.ts';
export { type Acknowledged, type Load, startLoad } from './chain/load.ts';
export type { NodesView } from './chain/nodes-view.ts';
export { call, callAll, type Head, headOf, RpcRefusal, until } from './chain/rpc.ts';
export { startWatch, type Watch, type Watched } from './chain/watch.ts';
export { chosenOf, disguised, smallModelPath } from './engines/model-engines.ts';
export { type LiarScene, lie, validatorNumberAt } from './faults/liar.ts';
export {
  type EarlyFault,
  type FaultProxy,
  type LateFault,
  type LineFault,
  type ManneredFault,
  startFaultProxy,
} from './liars/fault-proxy.ts';
export { makePlan } from './plan/make-plan.ts';
export { type Plant, plants } from './plant/plants.ts';
export { breakableLines, type Lines, plainLines } from './town/lines.ts';
