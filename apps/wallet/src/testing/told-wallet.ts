/**
 * A wallet daemon as a process of its own, whose memory a test looks through. Its chain says what it is told; all else is as in
 * `main.ts`. Prints one line with its address; the folder is the first argument.
 */
import { createLog, loadConfig } from '@aitbc/service';
import { createWallet } from '../app.ts';
import { walletConfig } from '../config.ts';
import { createToldChain } from './wallet-kit.ts';

const [dataDir = ''] = process.argv.slice(2);
const config = loadConfig(walletConfig, {
  argv: ['--port=0', `--data-dir=${dataDir}`, '--kdf-memory-kib=8192', '--kdf-passes=1'],
  env: {},
});
const log = createLog({ name: 'wallet', level: 'silent' });
const daemon = await createWallet(config, { log, chain: createToldChain().chain });
await daemon.start();
process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.write(`${daemon.url}\n`);
