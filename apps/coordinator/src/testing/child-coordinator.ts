/**
 * A coordinator as a process of its own, for tests that kill it: the real one on a real database, with a chain that
 * knows the providers named in its arguments. Prints one line with its URL when it is ready.
 *
 * Arguments: URL of the database, then names of providers.
 */
import { createLog } from '@aitbc/service';
import { createCoordinator } from '../app.ts';
import { createTestChain, identityOf, testConfig } from './harness.ts';

const [databaseUrl = '', dataDir = '', ...names] = process.argv.slice(2);
const chain = createTestChain();
for (const name of names) chain.register(identityOf(name));
const coordinator = createCoordinator(testConfig({ databaseUrl, dataDir, logLevel: 'error' }), {
  log: createLog({ name: 'coordinator', level: 'error' }),
  chain,
  onFatal(error) {
    throw error;
  },
});
process.stdin.on('end', () => process.exit(1)).resume();
await coordinator.start();
process.stdout.write(`${JSON.stringify({ url: coordinator.url })}\n`);
