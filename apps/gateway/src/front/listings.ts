/**
 * What can be bought, as the clients of each dialect ask for it. One list serves OpenAI's and Anthropic's clients:
 * each reads its own fields. To Ollama's clients every model on offer is pulled and running.
 */
import { AppError, type gatewayListEndpoints, type OutputOf } from '@aitbc/protocol';
import type { CoordinatorClient } from '@aitbc/sdk';

/** The oldest version of Ollama whose calls are understood here in full. */
const ollamaVersion = '0.17.1';

type Listed = Awaited<ReturnType<CoordinatorClient['models']>>['data'][number];
type Rows = typeof gatewayListEndpoints;

/** Lists for one caller; `mayUse` leaves out what its key may not buy. */
export interface Listings {
  models(wish: Wish): Promise<OutputOf<Rows['models']>>;
  /** Throws MODEL_UNKNOWN. */
  model(id: string, wish: Wish): Promise<Record<string, unknown>>;
  tags(wish: Wish): Promise<OutputOf<Rows['ollamaTags']>>;
  ps(wish: Wish): Promise<OutputOf<Rows['ollamaPs']>>;
  /** Throws MODEL_UNKNOWN. */
  show(id: string, wish: Wish): Promise<Record<string, unknown>>;
  version(): OutputOf<Rows['ollamaVersion']>;
}

export interface Wish {
  readonly signal: AbortSignal;
  mayUse(model: string): boolean;
}

/** Lists from a coordinator. */
export function createListings(coordinator: Pick<CoordinatorClient, 'models'>): Listings {
  const list = async ({ signal, mayUse }: Wish): Promise<readonly Listed[]> => {
    const { data } = await coordinator.models({}, { signal });
    return data.filter(({ id }) => mayUse(id));
  };
  const find = async (id: string, wish: Wish): Promise<Listed> => {
    const found = (await list(wish)).find((model) => model.id === id);
    if (!found) throw new AppError('MODEL_UNKNOWN', { model: id.slice(0, 128) });
    return found;
  };
  return {
    async models(wish) {
      const data = (await list(wish)).map(modelOf);
      return {
        object: 'list',
        data,
        first_id: data[0]?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
        has_more: false,
      };
    },
    model: async (id, wish) => modelOf(await find(id, wish)),
    tags: async (wish) => ({ models: (await list(wish)).map(tagOf) }),
    ps: async (wish) => ({ models: (await list(wish)).map(runningOf) }),
    show: async (id, wish) => shownOf(await find(id, wish)),
    version: () => ({ version: ollamaVersion }),
  };
}

function modelOf(model: Listed) {
  const created = new Date(model.created * 1_000).toISOString();
  return { ...model, type: 'model' as const, display_name: model.id, created_at: created };
}

const details = {
  parent_model: '',
  format: '',
  family: '',
  families: [],
  parameter_size: '',
  quantization_level: '',
};

function tagOf({ id, created }: Listed) {
  const modified_at = new Date(created * 1_000).toISOString();
  return { name: id, model: id, modified_at, size: 0, digest: '', details };
}

/** Words of Ollama's clients. */
const capabilityOf = { chat: 'completion', embed: 'embedding' } as const satisfies Record<
  Listed['serves'][number],
  string
>;

/** Nothing is ever unloaded, so there is no time at which a model expires. */
function runningOf(model: Listed) {
  const tag = tagOf(model);
  return { ...tag, expires_at: '9999-12-31T23:59:59Z', size_vram: 0 };
}

function shownOf(model: Listed): Record<string, unknown> {
  return {
    license: '',
    modelfile: '',
    parameters: '',
    template: '',
    details,
    model_info: {},
    capabilities: model.serves.map((kind) => capabilityOf[kind]),
    modified_at: tagOf(model).modified_at,
    x_aitbc: modelOf(model),
  };
}
