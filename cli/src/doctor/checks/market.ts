/** The coordinator: there, for the same chain, and with something on offer. */
import { counted } from '../../wording.ts';
import { type Check, fail, ok, roles, skipped, warn } from '../check.ts';
import { reachable } from '../reachable.ts';

const needsCoordinator = 'needs the coordinator, which does not answer';

const coordinatorUp: Check = {
  id: 'coordinator-up',
  title: 'coordinator',
  roles,
  run: (look) =>
    reachable(look, {
      ...{ name: 'the coordinator', url: look.context.urls.coordinator, reading: look.about() },
      start:
        'Start a devnet: aitbc up. Or name another coordinator: --coordinator-url, AITBC_COORDINATOR_URL',
    }),
};

const coordinatorNetwork: Check = {
  id: 'coordinator-network',
  title: 'chain of the coordinator',
  roles,
  async run(look) {
    const [{ value: about }, { value: chain }] = await Promise.all([look.about(), look.chain()]);
    if (!about || !chain) return skipped('needs the coordinator and the chain node');
    if (about.genesisHash === chain.genesisHash) return ok('the same as here');
    const fix = 'Name a coordinator and a node of one network: --coordinator-url, --node-url';
    const facts = { coordinator: about.genesisHash, node: chain.genesisHash };
    return fail(`it serves another chain (${about.network})`, fix, facts);
  },
};

const marketOffers: Check = {
  id: 'market-offers',
  title: 'models on offer',
  roles: ['agent', 'operator'],
  async run(look) {
    const { value: models } = await look.models();
    if (!models) return skipped(needsCoordinator);
    const names = models.map(({ id }) => id);
    const { model } = look;
    if (model !== undefined && !names.includes(model)) {
      const fix = names[0]
        ? `Ask for one of these: ${names.slice(0, 5).join(', ')} (aitbc market list)`
        : 'Sell one yourself: aitbc ai serve';
      return fail(`nobody sells ${model} now`, fix, { models: names });
    }
    if (names.length > 0)
      return ok(`${counted(names.length, 'model')} on offer`, { models: names });
    const fix = 'Sell one yourself: aitbc ai serve. Who is connected: aitbc market providers';
    return warn('nobody sells anything now', fix, { models: names });
  },
};

/** Checks of the market. */
export const marketChecks: readonly Check[] = [coordinatorUp, coordinatorNetwork, marketOffers];
