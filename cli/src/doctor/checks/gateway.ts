/** The gateway that buys: there, open to us, with coins, inside its limits. */
import { amountOf } from '@aitbc/protocol';
import { aitText } from '../../amounts.ts';
import { gatewayKeyFix } from '../../gateway/gateway-key.ts';
import { mandateState } from '../../mandate/mandate-text.ts';
import { type Check, fail, ok, type Role, skipped, warn } from '../check.ts';
import { reachable } from '../reachable.ts';

const roles: readonly Role[] = ['agent'];
const needsGateway = 'needs the gateway, which does not let us in';

const gatewayUp: Check = {
  id: 'gateway-up',
  title: 'gateway',
  roles,
  run: (look) =>
    reachable(look, {
      ...{ name: 'the gateway', url: look.context.urls.gateway, reading: look.gatewayLimits() },
      start: 'Start a devnet: aitbc up. Or name another gateway: --gateway-url, AITBC_GATEWAY_URL',
    }),
};

const gatewayKey: Check = {
  id: 'gateway-key',
  title: 'API key',
  roles,
  async run(look) {
    const { value: limits, error } = await look.gatewayLimits();
    if (limits) return ok(limits.key ? `"${limits.key.name}" opens it` : 'it needs none');
    if (error?.code !== 'UNAUTHORIZED') return skipped('needs the gateway, which does not answer');
    const hasKey = hasGatewayKey(look.context.env);
    return fail(
      hasKey ? 'the gateway does not know your API key' : 'the gateway wants an API key',
      gatewayKeyFix,
    );
  },
};

function hasGatewayKey(env: Readonly<Record<string, string | undefined>>): boolean {
  return Boolean(env.AITBC_GATEWAY_KEY || env.AITBC_GATEWAY_KEY_FILE);
}

const gatewayCoins: Check = {
  id: 'gateway-coins',
  title: 'coins of the gateway',
  roles,
  async run(look) {
    const { value: coins, error } = await look.gatewayCoins();
    if (error?.row.retryable && error.facts.what !== look.context.urls.gateway) {
      const fix = 'Check the checks of wallet and node above: the gateway asks both.';
      return fail(`it cannot tell what it has: ${error.message}`, fix);
    }
    if (!coins) return skipped(needsGateway);
    const { payer, account, vault, channels } = coins;
    if (amountOf(account) + amountOf(vault) + amountOf(channels) === 0n) {
      const fix = `On a devnet: aitbc wallet faucet --account ${payer}. Elsewhere have coins sent to it`;
      return fail(`${payer}, which pays, has no coins`, fix, coins);
    }
    const text = `${aitText(account)}, ${aitText(vault)} in the vault, ${aitText(channels)} in channels`;
    return ok(text, coins);
  },
};

const gatewayBudget: Check = {
  id: 'gateway-budget',
  title: 'budget of today',
  roles,
  async run(look) {
    const { value: limits } = await look.gatewayLimits();
    if (!limits) return skipped(needsGateway);
    const left = amountOf(limits.leftToday);
    const facts = { leftToday: limits.leftToday, spentToday: limits.spentToday };
    const text = `${aitText(left)} of ${aitText(limits.dayMax)} are left`;
    const fix =
      'It begins anew at midnight UTC. The owner raises it with AITBC_GATEWAY_DAY_MAX, or for a key: aitbc gateway key create';
    if (left === 0n) return fail('all that may be spent today is spent', fix, facts);
    if (left < amountOf(limits.jobMax))
      return warn(`${text}, less than one job may cost`, fix, facts);
    return ok(text, facts);
  },
};

const gatewayMandate: Check = {
  id: 'gateway-mandate',
  title: 'mandates',
  roles,
  async run(look) {
    const [{ value: coins }, { value: chain }] = await Promise.all([
      look.gatewayCoins(),
      look.chain(),
    ]);
    const { value: mandates } = coins ? await look.mandatesOf(coins.payer) : { value: undefined };
    if (!coins || !chain || !mandates) return skipped('needs the gateway and the chain node');
    if (mandates.length === 0) return ok('none is given: the account pays by itself');
    const usable = mandates.filter((mandate) => {
      const isSpent = amountOf(mandate.spentNait) >= amountOf(mandate.totalMaxNait);
      return mandateState(mandate, chain.height) === 'live' && !isSpent;
    });
    const facts = { mandates: mandates.length, usable: usable.length };
    if (usable.length > 0)
      return ok(`${usable.length} of ${mandates.length} can be spent from`, facts);
    const newest = mandates.at(-1);
    const fix = `Give it again: aitbc mandate grant ${newest?.subKey} --total <ait> --per-window <ait>`;
    return warn(
      `none of the ${mandates.length} that ${coins.payer} gave can be spent from: revoked, over or used up`,
      fix,
      facts,
    );
  },
};

/** Checks of the gateway. */
export const gatewayChecks: readonly Check[] = [
  gatewayUp,
  gatewayKey,
  gatewayCoins,
  gatewayBudget,
  gatewayMandate,
];
