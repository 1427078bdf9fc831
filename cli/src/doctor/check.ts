/**
 * What a check of `aitbc doctor` is: a row with a name, and one function that looks and says what it found.
 *
 * Checks stand side by side and know nothing of each other. What several of them need is asked once, by the look
 * (`look.ts`). A check that cannot be made because something else is missing is `skipped` and says what it needs: the check
 * of that thing fails by itself, and the table has one failure for one fault.
 *
 *   ok       it is as it should be
 *   warn     it works, and something may hurt later or is probably not meant
 *   fail     it does not work; `fix` says what to do
 *   skipped  it could not be looked at, or it does not apply here
 */
import type { Look } from './look.ts';

/** How a check ended. */
export type FindingState = 'ok' | 'warn' | 'fail' | 'skipped';

/** What a check found. */
export interface Finding {
  readonly state: FindingState;
  /** One sentence without a full stop. */
  readonly text: string;
  /** What to do, as a command where one does it. */
  readonly fix?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Whom a check is for: buyers (agents), owners of a GPU (providers), who runs nodes and coordinators (operators). */
export type Role = 'agent' | 'provider' | 'operator';

/** All roles. */
export const roles: readonly Role[] = ['agent', 'provider', 'operator'];

/** One check. */
export interface Check {
  /** Kebab-case; `--only` takes it. */
  readonly id: string;
  /** What is looked at, a few words. */
  readonly title: string;
  readonly roles: readonly Role[];
  run(look: Look): Promise<Finding> | Finding;
}

/** What a finding may say besides its sentence. */
export type FindingFacts = NonNullable<Finding['facts']>;

/** All is well. */
export function ok(text: string, facts: FindingFacts = {}): Finding {
  return { state: 'ok', text, facts };
}

/** It works, but. */
export function warn(text: string, fix: string, facts: FindingFacts = {}): Finding {
  return { state: 'warn', text, fix, facts };
}

/** It does not work. */
export function fail(text: string, fix: string, facts: FindingFacts = {}): Finding {
  return { state: 'fail', text, fix, facts };
}

/** Nothing can be said. */
export function skipped(text: string): Finding {
  return { state: 'skipped', text };
}
