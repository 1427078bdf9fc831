/**
 * Runs checks side by side, each with a bound of its own: whatever hangs costs the others nothing. What a check throws is
 * a fault of the check and is shown as its failure.
 */
import { AppError, asAppError } from '@aitbc/protocol';
import { type Check, type Finding, fail, type Role } from './check.ts';
import { chainChecks } from './checks/chain.ts';
import { gatewayChecks } from './checks/gateway.ts';
import { machineChecks } from './checks/machine.ts';
import { marketChecks } from './checks/market.ts';
import { providerChecks } from './checks/provider.ts';
import { settingChecks } from './checks/settings.ts';
import { walletChecks } from './checks/wallet.ts';
import type { Look } from './look.ts';

/** Longest time of one check; it may make several calls, one after the other. */
const checkTimeoutMs = 20_000;

/** All checks, in the order of the report: what the others rest on comes first. */
export const allChecks: readonly Check[] = [
  ...machineChecks,
  ...settingChecks,
  ...chainChecks,
  ...marketChecks,
  ...walletChecks,
  ...gatewayChecks,
  ...providerChecks,
];

/** A check with what it found. */
export interface Examined extends Finding {
  readonly id: string;
  readonly title: string;
}

/** What to run: the checks of some roles, or certain ones. */
export interface CheckChoice {
  readonly roles: readonly Role[];
  /** Ids; empty for all of the roles. */
  readonly only: readonly string[];
}

/** The chosen checks. Throws CLI_USAGE for an id that none has. */
export function chooseChecks({ roles, only }: CheckChoice): readonly Check[] {
  const unknown = only.find((id) => !allChecks.some((check) => check.id === id));
  if (unknown !== undefined) {
    const ids = allChecks.map(({ id }) => id).join(', ');
    throw new AppError('CLI_USAGE', { reason: `There is no check ${unknown}. There are: ${ids}` });
  }
  if (only.length > 0) return allChecks.filter(({ id }) => only.includes(id));
  return allChecks.filter((check) => check.roles.some((role) => roles.includes(role)));
}

/** Runs the checks. Throws CANCELLED only. */
export function examine(
  look: Look,
  checks: readonly Check[],
  onDone: (examined: Examined) => void = () => {},
): Promise<Examined[]> {
  return Promise.all(
    checks.map(async (check) => {
      const { id, title } = check;
      const examined: Examined = { id, title, facts: {}, ...(await inTime(look, check)) };
      onDone(examined);
      return examined;
    }),
  );
}

async function inTime(look: Look, check: Check): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    const text = `it took longer than ${checkTimeoutMs / 1_000} seconds`;
    const end = () => resolve(fail(text, 'Something hangs: try again with --only', {}));
    timer = setTimeout(end, checkTimeoutMs);
  });
  try {
    return await Promise.race([findingOf(look, check), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function findingOf(look: Look, check: Check): Promise<Finding> {
  try {
    return await check.run(look);
  } catch (error) {
    const { code, message } = asAppError(error);
    if (code === 'CANCELLED') throw error;
    const reason = code === 'INTERNAL' && error instanceof Error ? error.message : message;
    return fail(`this could not be looked at: ${reason}`, 'See what the message names.', { code });
  }
}
