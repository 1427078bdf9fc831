#!/usr/bin/env node
import { runDaemon } from '@aitbc/service';
import { createGateway } from './app.ts';
import { gatewayConfig } from './config.ts';

await runDaemon({
  config: gatewayConfig,
  create: (config, { log }) => createGateway(config, { log }),
});
