/** What whole-market tests need of a provider: the daemon itself, engines made to order, and its store. */
export { createProvider, type Provider, type ProviderDeps } from '../app.ts';
export { slotsOfLadder } from '../benchmark/count-slots.ts';
export { measureModel } from '../benchmark/measure-model.ts';
export type { ChosenEngine } from '../choose-engine.ts';
export { type ProviderConfig, providerConfig } from '../config.ts';
export { bundledModelPath } from '../engines/bundled-model.ts';
export { complianceCases } from '../engines/compliance.ts';
export type { EmbeddedEngine } from '../engines/embedded/embedded-engine.ts';
export { createEmbeddedEngine } from '../engines/embedded/embedded-engine.ts';
export type { Engine, EngineModel } from '../engines/engine.ts';
export { createOllamaEngine } from '../engines/ollama/ollama-engine.ts';
export { createOpenaiEngine } from '../engines/openai/openai-engine.ts';
export { createEngineServer, type EngineServer } from '../engines/testing/engine-server.ts';
export type { EngineFault } from '../engines/testing/faults.ts';
export { openProviderStore, type ProviderStore } from '../store.ts';
export { createCountingEngine, modelName } from './counting-engine.ts';
