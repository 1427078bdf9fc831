/** Which account a command works with when the user may leave it out. */
import { AppError, type OutputOf, type walletEndpoints } from '@aitbc/protocol';
import type { WalletClient } from '../context/clients.ts';
import type { Context } from '../context/context.ts';

/** An account of the wallet daemon. */
export type WalletAccount = OutputOf<typeof walletEndpoints.listAccounts>['accounts'][number];

/** The option that names an account, for option tables. */
export const accountOption = {
  flags: '-a, --account <account>',
  help: 'address or label; default: AITBC_ACCOUNT, the account of the devnet, or the only one',
} as const;

/** An address as it is; a label, or nothing at all, is looked up in the wallet. */
export async function addressFor(context: Context, named: string | undefined): Promise<string> {
  const wanted = wantedAccount(context, named);
  if (wanted?.startsWith('ait1')) return wanted;
  const { wallet } = await context.clients();
  return (await chooseAccount(context, wallet, named)).address;
}

/**
 * The account with this address or label; without a name AITBC_ACCOUNT, the devnet's account, or the only
 * one of the wallet. Throws WALLET_ACCOUNT_UNKNOWN, or CLI_USAGE when there is a choice.
 */
export async function chooseAccount(
  context: Context,
  wallet: WalletClient,
  named: string | undefined,
): Promise<WalletAccount> {
  const { accounts } = await wallet.listAccounts({}, { signal: context.signal });
  const wanted = wantedAccount(context, named);
  if (wanted !== undefined) return accountNamed(accounts, wanted);
  const [only, ...others] = accounts.filter(({ kind }) => kind === 'key');
  if (only && others.length === 0) return only;
  const reason = only
    ? `The wallet holds ${others.length + 1} accounts. Say which one with --account <address or label>.`
    : 'The wallet holds no account yet. Make one with: aitbc wallet create <label>';
  throw new AppError('CLI_USAGE', { reason });
}

function wantedAccount({ env, devnet }: Context, named: string | undefined): string | undefined {
  return named ?? (env.AITBC_ACCOUNT || devnet?.account);
}

function accountNamed(accounts: readonly WalletAccount[], wanted: string): WalletAccount {
  const byAddress = accounts.find(({ address }) => address === wanted);
  if (byAddress) return byAddress;
  const [labelled, second] = accounts.filter(({ label }) => label === wanted);
  if (labelled && !second) return labelled;
  if (!labelled) throw new AppError('WALLET_ACCOUNT_UNKNOWN', { account: wanted });
  const reason = `Two accounts are labelled "${wanted}". Name one by its address: aitbc wallet list`;
  throw new AppError('CLI_USAGE', { reason });
}
