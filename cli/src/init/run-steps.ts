/** The steps of a plan, one after the other; each is told when it has ended. */
import { asAppError } from '@aitbc/protocol';
import type { Context } from '../context/context.ts';
import { checkEngine, checkNode } from './check-network.ts';
import {
  type FoundAccount,
  onePassword,
  openAccount,
  takeCoins,
  unlockAccount,
} from './open-account.ts';
import { keepGenesis, prepareHome, writeSettings } from './prepare-home.ts';
import type { InitPlan, Step } from './types.ts';

/** What came of it. */
export interface InitResult {
  readonly steps: readonly Step[];
  readonly account: FoundAccount | undefined;
}

/** Who is told. */
export interface InitTeller {
  onStep(step: Step): void;
  /** The words of a new account, before anything else happens; returns when they are written down. */
  onWords(account: FoundAccount): Promise<void>;
}

/** Runs the steps. Throws what the user must decide, and CANCELLED. */
export async function runSteps(
  context: Context,
  plan: InitPlan,
  teller: InitTeller,
): Promise<InitResult> {
  const steps: Step[] = [];
  const add = (step: Step): void => {
    steps.push(step);
    teller.onStep(step);
  };
  add(prepareHome(context));
  add(keepGenesis(context, plan));
  const isBuyer = plan.role === 'agent' || plan.role === 'devnet';
  add(writeSettings(context, plan.addresses));
  const node = await checkNode(context);
  add(node);
  if (plan.role === 'provider') add(await checkEngine(context));
  if (!isBuyer) return { steps, account: undefined };
  if (plan.network === 'devnet' && node.state === 'waiting') {
    add({ id: 'account', state: 'waiting', text: 'an account with coins comes with the devnet' });
    return { steps, account: undefined };
  }
  return { steps, account: await accountSteps(context, plan, { add, teller }) };
}

async function accountSteps(
  context: Context,
  plan: InitPlan,
  { add, teller }: { readonly add: (step: Step) => void; readonly teller: InitTeller },
): Promise<FoundAccount | undefined> {
  const password = onePassword(context, plan);
  const { step, account } = await openAccount(context, plan, password);
  add(step);
  if (!account) return undefined;
  try {
    if (account.mnemonic !== null) await teller.onWords(account);
    if (step.state === 'done' && context.devnet === undefined) {
      add(writeSettings(context, { account: account.label }));
    }
    add(await unlockAccount(context, account, password));
    add(await takeCoins(context, account));
  } catch (error) {
    // The words of a new account leave with the result: whatever happens now must not keep them back.
    if (account.mnemonic === null) throw error;
    add({ id: 'coins', state: 'waiting', text: asAppError(error).message });
  }
  return account;
}
