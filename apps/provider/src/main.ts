#!/usr/bin/env node
import { runDaemon } from '@aitbc/service';
import { createProvider } from './app.ts';
import { providerConfig } from './config.ts';

await runDaemon({
  config: providerConfig,
  create: (config, { log, signal }) => createProvider(config, { log, signal }),
});
