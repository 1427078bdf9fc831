/** The steps of the account: made or found in the wallet, opened, with coins where a faucet gives them. */
import { amountOf, asAppError } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';
import { awaitFinal } from '../chain/await-final.ts';
import { readPassword } from '../context/ask.ts';
import type { Context } from '../context/context.ts';
import { readTextFile } from '../context/read-text-file.ts';
import { durationText, shortAddress } from '../wording.ts';
import type { InitPlan, Step } from './types.ts';

const openMs = 3_600_000;
const minutes = openMs / 60_000;

/** An account, and its words when it was made now. */
export interface FoundAccount {
  readonly address: string;
  readonly label: string;
  readonly unlockedUntilMs: number | null;
  /** 24 words; null for an account that was there, or came from words. */
  readonly mnemonic: string | null;
}

/** How the step of the account ended. */
export interface AccountStep {
  readonly step: Step;
  readonly account: FoundAccount | undefined;
}

/** A password that is asked for once, and used for making and opening. */
export type PasswordOf = (message: string, isNew: boolean) => Promise<string>;

/** Asks at most once. */
export function onePassword(context: Context, { passwordFile }: InitPlan): PasswordOf {
  let known: string | undefined;
  return async (message, isNew) => {
    const { env, ask } = context;
    known ??= await readPassword({ env, ask, file: passwordFile, message, isNew });
    return known;
  };
}

/** The account with the name of the plan, or the only one; else a new one. */
export async function openAccount(
  context: Context,
  plan: InitPlan,
  password: PasswordOf,
): Promise<AccountStep> {
  const { signal, devnet } = context;
  try {
    const { wallet } = await context.clients();
    const { accounts } = await wallet.listAccounts({}, { signal });
    const known =
      accounts.find(({ label }) => label === plan.label) ??
      accounts.find(({ address }) => address === devnet?.account);
    if (known) {
      const text = `account ${known.label} (${shortAddress(known.address)})`;
      return {
        step: { id: 'account', state: 'kept', text },
        account: { ...known, mnemonic: null },
      };
    }
    return await makeAccount(context, plan, password);
  } catch (error) {
    const { code, row, message } = asAppError(error);
    if (!row.retryable && code !== 'UNAUTHORIZED') throw error;
    const text = `an account needs the wallet daemon: ${message}`;
    return { step: { id: 'account', state: 'waiting', text }, account: undefined };
  }
}

async function makeAccount(
  context: Context,
  { label, wordsFile }: InitPlan,
  password: PasswordOf,
): Promise<AccountStep> {
  const { wallet } = await context.clients();
  const words =
    wordsFile === undefined ? undefined : readTextFile(wordsFile).trim().split(/\s+/).join(' ');
  const secret = await password(`New password for "${label}", at least 8 characters`, true);
  const made = await wallet.createAccount(
    { label, password: secret, ...(words === undefined ? {} : { mnemonic: words }) },
    { signal: context.signal },
  );
  const { address, mnemonic } = made;
  const how = words === undefined ? 'was made' : 'came back from its words';
  const text = `account ${label} (${shortAddress(address)}) ${how}`;
  return {
    step: { id: 'account', state: 'done', text },
    account: { address, label, unlockedUntilMs: null, mnemonic },
  };
}

/** Opens the account for an hour, unless it is open. */
export async function unlockAccount(
  context: Context,
  account: FoundAccount,
  password: PasswordOf,
): Promise<Step> {
  const { label, address, unlockedUntilMs } = account;
  if (unlockedUntilMs !== null) {
    const left = durationText(unlockedUntilMs - Date.now());
    return { id: 'lock', state: 'kept', text: `${label} is open for ${left}` };
  }
  const { wallet } = await context.clients();
  const secret = await password(`Password of "${label}"`, false);
  await wallet.unlock({ address, password: secret, timeoutMs: openMs }, { signal: context.signal });
  return { id: 'lock', state: 'done', text: `${label} is open for ${minutes} minutes` };
}

/** Coins of the faucet for an account without any. */
export async function takeCoins(context: Context, { address }: FoundAccount): Promise<Step> {
  const { signal } = context;
  try {
    const { node } = await context.clients();
    const { balance, vault } = await node.rpc.state_getAccount({ address }, { signal });
    const held = amountOf(balance) + amountOf(vault);
    if (held > 0n) return { id: 'coins', state: 'kept', text: `${aitText(held)} to spend` };
    const { txId, amount } = await node.rpc.dev_faucet({ address }, { signal });
    await awaitFinal(node, txId, signal);
    return { id: 'coins', state: 'done', text: `${aitText(amount)} from the faucet` };
  } catch (error) {
    const { code, row, message } = asAppError(error);
    if (code === 'CANCELLED' || !(row.retryable || hasNoFaucet(code))) throw error;
    const text = hasNoFaucet(code)
      ? `no coins yet: have some sent to ${address}`
      : `no coins yet: ${message}`;
    return { id: 'coins', state: 'waiting', text };
  }
}

function hasNoFaucet(code: string): boolean {
  return code === 'NOT_FOUND' || code === 'FAUCET_DISABLED';
}
