/**
 * `npm start`: prepares everything, then brings up the devnet and plays the main job as a story.
 * Arguments go on to `aitbc up`, for example `npm start -- --once`.
 */
import { runInForeground } from './run-command.mjs';
import { setupOrExplain } from './setup.mjs';

if (await setupOrExplain()) {
  const args = ['cli/bin/aitbc.mjs', 'up', '--story', ...process.argv.slice(2)];
  process.exitCode = await runInForeground(process.execPath, args);
} else {
  process.exitCode = 1;
}
