/** A provider of this machine: there, with an engine and models, registered, found by buyers. */
import { amountOf } from '@aitbc/protocol';
import { isPrivateUrl } from '@aitbc/sdk';
import { aitText } from '../../amounts.ts';
import { counted, durationText } from '../../wording.ts';
import { type Check, fail, ok, type Role, skipped, warn } from '../check.ts';
import type { Look } from '../look.ts';
import { placeOf, reachable } from '../reachable.ts';

const roles: readonly Role[] = ['provider'];
const needsProvider = 'needs the provider, which does not answer';

const providerUp: Check = {
  id: 'provider-up',
  title: 'provider',
  roles,
  run: (look) =>
    reachable(look, {
      ...{ name: 'the provider', url: look.served.url, reading: look.provider() },
      start: 'Start it: aitbc ai serve. Or name another one: AITBC_PROVIDER_URL',
    }),
};

const providerEngine: Check = {
  id: 'provider-engine',
  title: 'engine',
  roles,
  async run(look) {
    const { value: status } = await look.provider();
    if (!status) return lonelyEngine(look);
    const { engine, models } = status;
    const facts = { engine, models };
    if (models.length > 0) {
      return ok(`${engine.name} ${engine.version} with ${counted(models.length, 'model')}`, facts);
    }
    const { value: statement } = await look.statement();
    if (statement?.now === 'drained')
      return skipped('nothing is offered: you took the machine back');
    const fix =
      engine.name === 'embedded'
        ? 'Give it a model: aitbc ai serve --model-path <file.gguf>, or sell those of Ollama: --engine ollama'
        : `Start ${engine.name}, or load a model into it (ollama pull qwen3:8b); the provider finds it by itself.`;
    return fail(`${engine.name} does not answer or has no model`, fix, facts);
  },
};

const ollamaUsual = 'http://127.0.0.1:11434';

/** Without a provider: is there an engine that it could sell? */
async function lonelyEngine({ context: { env }, machine }: Look) {
  const url = env.AITBC_PROVIDER_OLLAMA_URL || env.AITBC_PROVIDER_OPENAI_URL || ollamaUsual;
  const place = placeOf(url);
  if (place && (await machine.isListening(place.host, place.port))) {
    return ok(`an engine listens at ${url}`, { url });
  }
  const fix =
    'Start Ollama (ollama serve), or name your engine: aitbc ai serve --ollama-url, AITBC_PROVIDER_OPENAI_URL';
  return warn(`no engine listens at ${url}; the built-in model is all there is to sell`, fix, {
    url,
  });
}

const providerModels: Check = {
  id: 'provider-models',
  title: 'models to sell',
  roles,
  async run(look) {
    const wanted = (look.context.env.AITBC_PROVIDER_MODELS ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    if (wanted.length === 0) return ok('all models of the engine are sold');
    const { value: status } = await look.provider();
    if (!status) return skipped(needsProvider);
    const missing = wanted.filter((name) => !status.models.includes(name));
    if (missing.length === 0) return ok(`${wanted.join(', ')} are sold`);
    const fix = `Load them into the engine (ollama pull ${missing[0]}), or correct AITBC_PROVIDER_MODELS`;
    return fail(`the engine has no ${missing.join(', ')}`, fix, { missing, models: status.models });
  },
};

const providerRegistered: Check = {
  id: 'provider-registered',
  title: 'registration on chain',
  roles,
  async run(look) {
    const [{ value: status }, { value: chain }] = await Promise.all([
      look.provider(),
      look.chain(),
    ]);
    if (!status || !chain) return skipped('needs the provider and the chain node');
    const { error, value } = await look.registration(status.provider);
    if (value) return ok('it is registered', value);
    if (error?.code !== 'PROVIDER_UNKNOWN') return skipped('the node does not tell');
    const fix = `Send at least ${aitText(chain.params.providerBondMin)} and a fee to ${status.provider}; on a devnet: aitbc wallet faucet --account ${status.provider}`;
    return fail('it is not registered, so nobody can buy', fix, { provider: status.provider });
  },
};

const providerBond: Check = {
  id: 'provider-bond',
  title: 'bond',
  roles,
  async run(look) {
    const [{ value: status }, { value: chain }] = await Promise.all([
      look.provider(),
      look.chain(),
    ]);
    const { value } = status ? await look.registration(status.provider) : { value: undefined };
    if (!value || !chain) return skipped('needs a registered provider and the chain node');
    const least = chain.params.providerBondMin;
    const facts = { bond: value.bond, providerBondMin: least, unbondDueMs: value.unbondDueMs };
    if (value.unbondDueMs > 0) {
      const date = new Date(value.unbondDueMs).toISOString();
      const fix = 'Register again to go on selling: restart aitbc ai serve with coins for a bond.';
      return warn(`the bond is on its way out (due ${date}): nobody buys from you`, fix, facts);
    }
    if (amountOf(value.bond) >= amountOf(least)) return ok(aitText(value.bond), facts);
    const fix = `Send ${aitText(amountOf(least) - amountOf(value.bond))} to the account; the daemon registers again`;
    return fail(`${aitText(value.bond)} is below the least bond, ${aitText(least)}`, fix, facts);
  },
};

const providerLease: Check = {
  id: 'provider-lease',
  title: 'lease at the coordinator',
  roles,
  async run(look) {
    const [{ value: status }, { value: providers }] = await Promise.all([
      look.provider(),
      look.providers(),
    ]);
    if (!status || !providers) return skipped('needs the provider and the coordinator');
    const row = providers.find(({ provider }) => provider === status.provider);
    const facts = { coordinator: status.coordinator };
    if (row) return ok(`buyers find it with ${counted(row.models.length, 'model')}`, facts);
    const fix =
      status.coordinator === 'connected'
        ? 'The provider is connected to another coordinator than you ask: compare AITBC_COORDINATOR_URL of both.'
        : 'Check that the provider reaches the coordinator (AITBC_COORDINATOR_URL); without a bond it is not let in.';
    return fail('it holds no lease, so buyers cannot find it', fix, facts);
  },
};

const providerReachable: Check = {
  id: 'provider-reachable',
  title: 'way from buyers to it',
  roles,
  async run(look) {
    const [{ value: status }, { value: providers }] = await Promise.all([
      look.provider(),
      look.providers(),
    ]);
    const row = providers?.find(({ provider }) => provider === status?.provider);
    const place = row && placeOf(row.endpoint);
    if (!row || !place) return skipped('needs a lease at the coordinator');
    const facts = { endpoint: row.endpoint };
    const fix =
      'Give it an address that buyers reach: aitbc ai serve --public-url https://…, or go through the coordinator: --relay';
    if (isPrivateUrl(row.endpoint) && !isPrivateUrl(look.context.urls.coordinator)) {
      return fail(`buyers elsewhere cannot reach ${row.endpoint}`, fix, facts);
    }
    if (await look.machine.isListening(place.host, place.port)) {
      return ok(`${row.endpoint} takes connections`, facts);
    }
    return fail(`nothing takes connections at ${row.endpoint}`, fix, facts);
  },
};

const providerSelling: Check = {
  id: 'provider-selling',
  title: 'is it selling',
  roles,
  async run(look) {
    const { value: statement, error } = await look.statement();
    if (!statement) return skipped(error?.code === 'UNAUTHORIZED' ? error.message : needsProvider);
    const { now, audits } = statement;
    if (audits && audits.accused + audits.lost > 0) {
      const text = `${counted(audits.accused, 'dispute')} against it, ${counted(audits.lost, 'audit')} lost`;
      return warn(text, 'Look at them: aitbc audit list --mine', audits);
    }
    if (now === 'drained') {
      return warn(
        'you took the machine back: nothing is sold',
        'Sell again: aitbc ai drain --back',
      );
    }
    const usedMs = statement.use.reduce((sum, { ms }) => sum + ms, 0);
    return ok(`${now.replaceAll('_', ' ')}; it ran ${durationText(usedMs)} today`, { now });
  },
};

/** Checks of the provider. */
export const providerChecks: readonly Check[] = [
  providerUp,
  providerEngine,
  providerModels,
  providerRegistered,
  providerBond,
  providerLease,
  providerReachable,
  providerSelling,
];
