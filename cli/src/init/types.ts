/** What `aitbc init` was told, and what it did. */

/** What somebody is: only looks, buys, sells, or runs nodes. */
export type InitRole = 'devnet' | 'agent' | 'provider' | 'operator';

/** A network on this machine, or one of others. */
export type InitNetwork = 'devnet' | 'join';

/** Everything that is known before the first step. */
export interface InitPlan {
  readonly role: InitRole;
  readonly network: InitNetwork;
  /** Genesis document to keep, a path; undefined when none was named. */
  readonly genesisFile: string | undefined;
  /** Name of the account. */
  readonly label: string;
  readonly wordsFile: string | undefined;
  readonly passwordFile: string | undefined;
  /** Addresses that were typed, by the name of their setting. */
  readonly addresses: Readonly<Partial<Record<AddressSetting, string>>>;
}

/** Settings with addresses of daemons. */
export type AddressSetting = 'node-url' | 'coordinator-url' | 'wallet-url' | 'gateway-url';

/**
 * How a step ended.
 *
 *   done     it was made now
 *   kept     it was there already and was not touched
 *   waiting  something must come first; the text says what, and the next run goes on there
 *   left     it is not for this role
 */
export type StepState = 'done' | 'kept' | 'waiting' | 'left';

/** One step. */
export interface Step {
  readonly id: 'home' | 'genesis' | 'settings' | 'node' | 'account' | 'lock' | 'coins' | 'engine';
  readonly state: StepState;
  readonly text: string;
}

/** A command to go on with. */
export interface NextCommand {
  readonly line: string;
  readonly note: string;
}
