/** The large level as the campaign sees it. */

import type { Level } from '../campaign/outcome.ts';
import { twinsRole } from '../cast/cast.ts';
import { faultKinds } from '../faults/plan.ts';
import { invariants } from '../observer/invariants.ts';
import { wholeBugNames } from '../planted/whole-bugs.ts';
import { wholeRoleNames } from './roles.ts';
import { runWhole } from './run.ts';
import { ledgerInvariants } from './watch.ts';

export const wholeLevel: Level = Object.freeze({
  name: 'whole',
  nodes: 4,
  roles: [...wholeRoleNames, twinsRole],
  scale: { hopsUs: [5_000, 20_000, 100_000, 250_000], hopMaxMs: 2_000 },
  kinds: faultKinds,
  fits: () => true,
  invariants: [...invariants, ...ledgerInvariants],
  bugs: wholeBugNames,
  run: runWhole,
});
