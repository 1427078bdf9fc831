/**
 * `npm run sim`: prepares everything and runs the simulator. Arguments go on to it, for example
 * `npm run sim -- --seeds 1000 --nodes 7`; `npm run sim -- --help` names them all.
 */
import { runInForeground } from './run-command.mjs';
import { setupOrExplain } from './setup.mjs';

const PROGRAM = 'apps/simulator/dist/main.js';

process.exitCode = (await setupOrExplain())
  ? await runInForeground(process.execPath, [
      '--enable-source-maps',
      PROGRAM,
      ...process.argv.slice(2),
    ])
  : 1;
