#!/usr/bin/env node
// Stands in the tree, so that an install links `aitbc` before anything is compiled; starts the bundle where there is one.
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/program/main.js', import.meta.url);
await import(existsSync(bundle) ? bundle.href : '../dist/main.js');
