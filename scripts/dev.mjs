/** `npm run dev`: the devnet beside a compiler that watches the sources. */
import { dropBundles } from './bundles/programs.mjs';
import { forwardSignals, startInForeground, tool } from './run-command.mjs';
import { setupOrExplain } from './setup.mjs';

const HELP = `npm run dev [-- arguments of \`aitbc up\`]

Prepares everything, then runs two programs side by side until Ctrl-C or until the devnet ends:
  tsc -b --watch     compiles a file as soon as it is saved
  aitbc up           the devnet, on the standard ports

Running daemons keep the code that they were started with. To run what was compiled since,
press Ctrl-C and start again: an unchanged tree starts in seconds.`;

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) console.log(HELP);
else if (await setupOrExplain()) process.exitCode = await develop(args);
else process.exitCode = 1;

async function develop(upArgs) {
  dropBundles(); // a daemon that is started again runs what the compiler has just written
  const compiler = startInForeground(tool('tsc'), ['-b', '--watch', '--preserveWatchOutput']);
  const devnet = startInForeground(process.execPath, ['cli/bin/aitbc.mjs', 'up', ...upArgs]);
  const release = forwardSignals([compiler, devnet]);
  const code = await devnet.ended;
  compiler.stop('SIGTERM');
  await compiler.ended;
  release();
  return code;
}
