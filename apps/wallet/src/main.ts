#!/usr/bin/env node
import { runDaemon } from '@aitbc/service';
import { createWallet } from './app.ts';
import { walletConfig } from './config.ts';

await runDaemon({
  config: walletConfig,
  create: (config, { log }) => createWallet(config, { log }),
});
