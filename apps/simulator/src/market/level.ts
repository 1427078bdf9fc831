/** The level of buyers and providers as the campaign sees it. */
import type { Level } from '../campaign/outcome.ts';
import { marketBugNames } from '../planted/market-bugs.ts';
import { marketRoleFits, marketRoleNames } from './roles.ts';
import { runMarket } from './run.ts';
import { marketInvariants } from './watch.ts';

export const marketLevel: Level = Object.freeze<Level>({
  name: 'market',
  nodes: 7,
  roles: marketRoleNames,
  scale: { hopsUs: [1_000, 5_000, 20_000, 80_000], hopMaxMs: 0 },
  kinds: [
    'partition',
    'cut',
    'clog',
    'loss',
    'duplicate',
    'slow',
    'pause',
    'crash',
    'power',
    'slowDisk',
  ],
  fits: marketRoleFits,
  invariants: marketInvariants,
  bugs: marketBugNames,
  run: runMarket,
});
