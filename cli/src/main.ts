#!/usr/bin/env node
import { cliVersion } from './version.ts';

// The version is what scripts ask for all the time: it is answered before anything else is loaded.
if (['--version', '-V'].includes(process.argv[2] ?? '')) {
  process.stdout.write(`${cliVersion}\n`);
} else {
  const { runInProcess } = await import('./run-in-process.ts');
  process.exitCode = await runInProcess(cliVersion);
}
