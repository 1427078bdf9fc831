#!/usr/bin/env node
import { runDaemon } from '@aitbc/service';
import { createCoordinator } from './app.ts';
import { configTable } from './config.ts';

await runDaemon({
  config: configTable,
  create: (config, { log }) =>
    createCoordinator(config, {
      log,
      // Ends the process through the daemon's handler of uncaught errors.
      onFatal: (error) => {
        setImmediate(() => {
          throw error;
        });
      },
    }),
});
