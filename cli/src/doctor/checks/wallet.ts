/** The wallet daemon and the account that pays. */
import { amountOf } from '@aitbc/protocol';
import { aitText } from '../../amounts.ts';
import { durationText, shortAddress } from '../../wording.ts';
import { type Check, fail, ok, type Role, skipped, warn } from '../check.ts';
import type { Look } from '../look.ts';
import { reachable } from '../reachable.ts';

const roles: readonly Role[] = ['agent'];
const needsWallet = 'needs the wallet, which does not let us in';
const soonMs = 5 * 60_000;

const walletUp: Check = {
  id: 'wallet-up',
  title: 'wallet daemon',
  roles,
  run: (look) =>
    reachable(look, {
      ...{ name: 'the wallet', url: look.context.urls.wallet, reading: look.walletAbout() },
      start: 'Start a devnet: aitbc up. Or name another wallet: --wallet-url, AITBC_WALLET_URL',
    }),
};

const walletToken: Check = {
  id: 'wallet-token',
  title: 'token of the wallet',
  roles,
  async run(look) {
    const [{ value: about }, { error }] = await Promise.all([
      look.walletAbout(),
      look.walletAccounts(),
    ]);
    if (!error) return ok('the wallet lets us in');
    if (!about || error.code !== 'UNAUTHORIZED') {
      return skipped('needs the wallet, which does not answer');
    }
    const reason = String(error.facts.reason);
    const fix =
      'Set AITBC_WALLET_TOKEN, or AITBC_WALLET_TOKEN_FILE to the admin.token in the folder of the wallet.';
    const isMissing = reason.startsWith('no wallet token');
    return fail(isMissing ? reason : 'the wallet does not know your token', fix);
  },
};

const walletNetwork: Check = {
  id: 'wallet-network',
  title: 'chain of the wallet',
  roles,
  async run(look) {
    const [{ value: about }, { value: chain }] = await Promise.all([
      look.walletAbout(),
      look.chain(),
    ]);
    if (!about || !chain) return skipped('needs the wallet and the chain node');
    const { nodeUrl } = about;
    const { value: other, error } = await look.chainAt(nodeUrl);
    const facts = { nodeUrl };
    const fix = `Start the wallet with --node-url ${look.context.urls.node}, or ask its node: --node-url ${nodeUrl}`;
    if (!other)
      return fail(`the node of the wallet, ${nodeUrl}, fails: ${error?.code}`, fix, facts);
    if (other.genesisHash === chain.genesisHash) return ok('the same as here', facts);
    return fail(`the wallet signs for another chain (${other.network} at ${nodeUrl})`, fix, facts);
  },
};

const walletAccount: Check = {
  id: 'wallet-account',
  title: 'your account',
  roles,
  async run(look) {
    const { value: accounts } = await look.walletAccounts();
    if (!accounts) return skipped(needsWallet);
    const wanted = wantedAccount(look);
    const account = await payingAccount(look);
    if (account) return ok(`${account.label} (${shortAddress(account.address)})`, account);
    if (accounts.length === 0) {
      return fail('the wallet holds no account', 'Make one: aitbc wallet create <name>');
    }
    if (wanted === undefined) {
      const fix = 'Say which one with --account, or once and for all with AITBC_ACCOUNT';
      return warn(`there are ${accounts.length} accounts and none is chosen`, fix);
    }
    const fix = 'Correct AITBC_ACCOUNT: aitbc wallet list';
    return fail(`the wallet has no account ${wanted}`, fix, { account: wanted });
  },
};

const walletLocked: Check = {
  id: 'wallet-locked',
  title: 'lock of your account',
  roles,
  async run(look) {
    const account = await payingAccount(look);
    if (!account) return skipped('needs an account');
    const { label, kind, unlockedUntilMs } = account;
    if (kind !== 'key') {
      const choose = 'Choose one that signs with --account or AITBC_ACCOUNT: aitbc wallet list';
      return warn(`${label} is without a key in this wallet (${kind})`, choose, account);
    }
    const fix = `aitbc wallet unlock ${wordOf(label)} --minutes 60`;
    const facts = { address: account.address, unlockedUntilMs };
    if (unlockedUntilMs === null)
      return warn(`${label} is locked: nothing can be signed`, fix, facts);
    const leftMs = unlockedUntilMs - look.machine.nowMs();
    const text = `${label} is open for ${durationText(leftMs)}`;
    return leftMs < soonMs ? warn(text, fix, facts) : ok(text, facts);
  },
};

const walletCoins: Check = {
  id: 'wallet-coins',
  title: 'coins of your account',
  roles,
  async run(look) {
    const account = await payingAccount(look);
    const { value: coins } = account ? await look.account(account.address) : { value: undefined };
    if (!account || !coins) return skipped('needs an account and the chain node');
    const facts = { address: account.address, balance: coins.balance, vault: coins.vault };
    if (amountOf(coins.balance) + amountOf(coins.vault) > 0n) {
      return ok(`${aitText(coins.balance)} and ${aitText(coins.vault)} in the vault`, facts);
    }
    const fix = `On a devnet: aitbc wallet faucet --account ${wordOf(account.label)}. Elsewhere have coins sent to ${account.address}`;
    return fail('the account is empty, and every transaction has a fee', fix, facts);
  },
};

/** A label as one word of a command line. */
function wordOf(label: string): string {
  return /^[\w.-]+$/.test(label) ? label : `"${label.replace(/["\\$`]/g, '\\$&')}"`;
}

function wantedAccount({ context: { env, devnet } }: Look): string | undefined {
  return env.AITBC_ACCOUNT || devnet?.account;
}

/** The account that commands without `--account` work with. */
async function payingAccount(look: Look) {
  const { value: accounts = [] } = await look.walletAccounts();
  const wanted = wantedAccount(look);
  if (wanted === undefined) return accounts.length === 1 ? accounts[0] : undefined;
  return accounts.find(({ address, label }) => address === wanted || label === wanted);
}

/** Checks of the wallet. */
export const walletChecks: readonly Check[] = [
  walletUp,
  walletToken,
  walletNetwork,
  walletAccount,
  walletLocked,
  walletCoins,
];
