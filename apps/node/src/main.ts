#!/usr/bin/env node
import { runDaemon } from '@aitbc/service';
import { createNode } from './app.ts';
import { nodeConfig } from './config.ts';
import { runInit } from './setup/run-init.ts';
import { runReset } from './setup/run-reset.ts';
import { workersHere } from './verify/worker-count.ts';

const words = process.argv.slice(2);
if (words.includes('--init')) await runInit(words, process);
else if (words[0] === '--reset') await runReset(words, process);
else {
  await runDaemon({
    config: nodeConfig,
    create: (config, { log, signal }) =>
      createNode(
        { ...config, verifyWorkers: config.verifyWorkers ?? workersHere() },
        { log, signal, stop: () => void process.kill(process.pid, 'SIGTERM') },
      ),
  });
}
