#!/usr/bin/env node
/**
 * Starts the test engine as a process of its own: "an Ollama" for a provider in a whole-network test.
 * Usage: node run-engine-server.js [--port 11434] [--model file.gguf] [--version 0.32.15]
 * Prints one line of JSON with its url when it is ready. Ends on SIGTERM and SIGINT.
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { bundledModelPath } from '../bundled-model.ts';
import { createEmbeddedEngine } from '../embedded/embedded-engine.ts';
import { createEngineServer } from './engine-server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    model: { type: 'string', default: bundledModelPath() },
    version: { type: 'string' },
    name: { type: 'string' },
  },
});

const engine = createEmbeddedEngine({
  modelPath: values.model,
  ...(values.name === undefined ? {} : { name: values.name }),
});
await engine.start();
const server = createEngineServer({
  engine,
  port: Number(values.port),
  ...(values.version === undefined ? {} : { version: values.version }),
});
await server.start();
process.stdout.write(`${JSON.stringify({ url: server.url() })}\n`);
await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
await server.stop();
await engine.stop();
