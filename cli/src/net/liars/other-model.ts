#!/usr/bin/env node
/**
 * A provider that sells one model and runs another: the real daemon over an engine that names weights which it has not.
 * `--model-path` is what it runs, AITBC_NET_SHOWN_MODEL the file of what it sells.
 */
import { createEmbeddedEngine, createProvider, providerConfig } from '@aitbc/provider/testing';
import { runDaemon } from '@aitbc/service';
import { chosenOf, disguised } from '../engines/model-engines.ts';

await runDaemon({
  config: providerConfig,
  async create(config, { log, signal }) {
    const shown = await modelOf(process.env.AITBC_NET_SHOWN_MODEL ?? '');
    const engine = createEmbeddedEngine({ modelPath: config.modelPath ?? '' });
    await engine.start();
    const disguise = disguised(await chosenOf(engine), shown);
    const provider = createProvider(config, { log, signal, engine: disguise });
    return {
      start: () => provider.start(),
      async stop() {
        await provider.stop();
        await engine.stop();
      },
      get url() {
        return provider.url;
      },
    };
  },
});

async function modelOf(modelPath: string) {
  const engine = createEmbeddedEngine({ modelPath });
  await engine.start();
  try {
    const [model] = (await chosenOf(engine)).probe.models;
    if (!model) throw new RangeError(`${modelPath} has no model`);
    return model;
  } finally {
    await engine.stop();
  }
}
