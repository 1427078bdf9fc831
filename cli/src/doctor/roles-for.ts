/** Whom the doctor looks after when nobody says. */
import { existsSync } from 'node:fs';
import { serveDir } from '../ai/owner/served.ts';
import type { Context } from '../context/context.ts';
import { type Role, roles } from './check.ts';

/** The roles that were named; else a buyer's, and a provider's where one was set up in this home or a devnet runs. */
export function rolesFor(context: Context, named: string | undefined): readonly Role[] {
  if (named === 'all') return roles;
  const role = roles.find((one) => one === named);
  if (role !== undefined) return [role];
  return context.devnet || existsSync(serveDir(context)) ? ['agent', 'provider'] : ['agent'];
}
