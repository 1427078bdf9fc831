#!/usr/bin/env node
import { readFileSync } from 'node:fs';

const packageJson = new URL('../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string };

// The version is what scripts ask for all the time: it is answered before anything else is loaded.
if (['--version', '-V'].includes(process.argv[2] ?? '')) {
  process.stdout.write(`${version}\n`);
} else {
  const { runInProcess } = await import('./run-in-process.ts');
  process.exitCode = await runInProcess(version);
}
