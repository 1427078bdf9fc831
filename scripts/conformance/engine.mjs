/**
 * What every engine must do, tried on a real one: the compliance suite of `apps/provider/src/engines`.
 *
 *   node scripts/conformance/engine.mjs --url http://127.0.0.1:8080 --model NAME [--engine openai|ollama] [--resume exact]
 *   node scripts/conformance/engine.mjs --llama-server PATH     starts that program with the bundled model on two slots
 *
 * Prints a line for each case; ends with 1 when one failed. Needs `npm run build`.
 */
import { devNull } from 'node:os';
import { parseArgs } from 'node:util';
import {
  bundledModelPath,
  complianceCases,
  createOllamaEngine,
  createOpenaiEngine,
} from '@aitbc/provider/testing';
import { freePorts, startProgram } from '../bench/lib/processes.mjs';

const CASE_MS = 60_000;
const options = {
  url: { type: 'string', default: '' },
  model: { type: 'string', default: '' },
  engine: { type: 'string', default: 'openai' },
  resume: { type: 'string' },
  'llama-server': { type: 'string', default: '' },
};
const { values } = parseArgs({ options });
const started = values['llama-server'] ? await startLlamaServer(values['llama-server']) : undefined;
try {
  process.exitCode = await main(started?.url ?? values.url);
} finally {
  await started?.stop();
}

async function main(baseUrl) {
  if (!baseUrl) throw new Error('name an engine: --url http://… or --llama-server PATH');
  const create = values.engine === 'ollama' ? createOllamaEngine : createOpenaiEngine;
  const resume = values.resume ?? (started ? 'exact' : undefined);
  const engine = create({ baseUrl, ...(resume ? { resume } : {}) });
  await engine.start();
  const probe = await engine.probe(AbortSignal.timeout(CASE_MS));
  const model = values.model || probe.models[0]?.name;
  console.log(`${probe.engine} ${probe.version} at ${baseUrl}, model ${model}\n`);
  let failed = 0;
  for (const { name, run } of complianceCases) {
    const error = await run({ engine, model }).then(() => undefined, asError);
    if (error) failed += 1;
    console.log(error ? `FAIL ${name}\n     ${error.message.split('\n')[0]}` : `ok   ${name}`);
  }
  await engine.stop();
  console.log(`\n${complianceCases.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function asError(error) {
  return error instanceof Error ? error : new Error(String(error));
}

/** The real program on the model that the provider ships, one thread, two slots. */
async function startLlamaServer(program) {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const model = ['-m', bundledModelPath(), '--alias', 'tiny-sqlite-docs', '-c', '4096', '-np', '2'];
  const args = [...model, '-t', '1', '--host', '127.0.0.1', '--port', `${port}`];
  const isReady = async () => ((await fetch(`${url}/health`)).ok ? url : undefined);
  const { stop } = await startProgram({ program, args, logFile: devNull, isReady });
  return { url, stop };
}
