/** Handlers of all methods that both transports have. */
import { auditMethods } from './methods/audit-methods.ts';
import { chainMethods } from './methods/chain-methods.ts';
import type { Handlers, MethodDeps } from './methods/deps.ts';
import { governanceMethods } from './methods/governance-methods.ts';
import { listMethods } from './methods/list-methods.ts';
import { multisigMethods } from './methods/multisig-methods.ts';
import { operatorMethods } from './methods/operator-methods.ts';
import { createProver } from './methods/prover.ts';
import { stateMethods } from './methods/state-methods.ts';
import { txMethods } from './methods/tx-methods.ts';

/** The handlers over the parts of a node. */
export function createMethods(deps: MethodDeps): Handlers {
  const prover = createProver(deps);
  return {
    ...chainMethods(deps, prover),
    ...txMethods(deps),
    ...stateMethods(deps, prover),
    ...listMethods(deps),
    ...auditMethods(deps, prover),
    ...multisigMethods(deps, prover),
    ...governanceMethods(deps, prover),
    ...operatorMethods(deps),
  };
}
