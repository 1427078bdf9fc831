/** The small level as the campaign sees it. */
import type { Level } from '../campaign/outcome.ts';
import { roleNames } from '../cast/cast.ts';
import { faultKinds } from '../faults/plan.ts';
import { invariants } from '../observer/invariants.ts';
import { agreementBugNames } from '../planted/agreement-bugs.ts';
import { runAgreement } from './run.ts';

export const agreementLevel: Level = Object.freeze({
  name: 'agreement',
  nodes: 4,
  roles: roleNames,
  scale: { hopsUs: [1_000, 5_000, 20_000, 80_000], hopMaxMs: 0 },
  kinds: faultKinds,
  fits: () => true,
  invariants,
  bugs: agreementBugNames,
  run: runAgreement,
});
