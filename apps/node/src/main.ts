#!/usr/bin/env node
import { runDaemon } from '@aitbc/service';
import { createNode } from './app.ts';
import { nodeConfig } from './config.ts';
import { runInit } from './setup/run-init.ts';

if (process.argv.includes('--init')) await runInit(process.argv.slice(2), process);
else {
  await runDaemon({
    config: nodeConfig,
    create: (config, { log }) =>
      createNode(config, { log, stop: () => void process.kill(process.pid, 'SIGTERM') }),
  });
}
