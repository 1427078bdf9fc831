/** An Ollama with a fault, over real HTTP, with the provider's own adapter in front of it. */
import {
  type createCountingEngine,
  createEngineServer,
  createOllamaEngine,
  type EngineFault,
} from '@aitbc/provider/testing';

export async function startOllama(
  { engine }: ReturnType<typeof createCountingEngine>,
  fault: EngineFault,
) {
  const server = createEngineServer({ engine });
  await server.start();
  const ollama = createOllamaEngine({ baseUrl: server.url(), resume: 'exact' });
  await ollama.start();
  const probe = await ollama.probe(AbortSignal.timeout(5_000));
  server.setFault(fault);
  return { chosen: { engine: ollama, probe }, stopEngine: () => server.stop() };
}
