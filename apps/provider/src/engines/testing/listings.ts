/** Answers of the test engine that only tell something: models, versions, contexts. */
import type { EngineModel } from '../engine.ts';

const hexOf = ({ digest }: EngineModel) => digest?.replace('sha256:', '') ?? '0'.repeat(64);

function tagOf(model: EngineModel) {
  return {
    name: model.name,
    model: model.name,
    digest: hexOf(model),
    details: { format: 'gguf', quantization_level: model.quantization },
  };
}

function showOf(model: EngineModel) {
  return {
    details: { format: 'gguf', quantization_level: model.quantization },
    model_info: {
      'general.architecture': 'llama',
      'general.parameter_count': model.parameters,
      'llama.context_length': model.contextMax,
    },
    capabilities: ['completion', 'embedding'],
  };
}

function openaiModelOf(model: EngineModel) {
  return {
    id: model.name,
    object: 'model',
    owned_by: 'test',
    meta: { n_ctx: model.contextMax, n_params: model.parameters },
  };
}

/** Which server is imitated where servers of one API differ. */
export type ServerStyle = 'plain' | 'llama-server' | 'vllm';

/** The answer of a listing path, or undefined where there is none. */
export function listingOf(
  path: string,
  models: readonly EngineModel[],
  asked: { readonly version: string; readonly model: unknown; readonly server: ServerStyle },
): unknown {
  const shown = models.find(({ name }) => name === asked.model);
  const { server, version } = asked;
  const answers: Readonly<Record<string, () => unknown>> = {
    ...(server === 'vllm' ? { '/version': () => ({ version }) } : {}),
    ...(server === 'llama-server'
      ? { '/props': () => ({ default_generation_settings: {}, build_info: version }) }
      : {}),
    '/api/version': () => ({ version: asked.version }),
    '/api/tags': () => ({ models: models.map(tagOf) }),
    '/api/ps': () => ({
      models: models.map(({ name, contextMax }) => ({ name, context_length: contextMax })),
    }),
    '/api/show': () => (shown ? showOf(shown) : undefined),
    '/v1/models': () => ({ object: 'list', data: models.map(openaiModelOf) }),
  };
  return Object.hasOwn(answers, path) ? answers[path]?.() : undefined;
}
