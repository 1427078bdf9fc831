/** `aitbc doctor`: finds what is set up wrong, and says how to mend it. */
import { AppError } from '@aitbc/protocol/errors';
import { defineCommand } from '../command/define-command.ts';

const roleNames: readonly string[] = ['agent', 'provider', 'operator', 'all'];

export default defineCommand({
  summary: 'Look for everything that is set up wrong, and say how to mend it',
  details:
    'Nothing is changed. The exit code is 1 when something does not work. Without --role the checks are those of an agent that buys, and of a provider where one was set up in this home.',
  options: {
    role: {
      flags: '--role <role>',
      help: 'agent buys, provider sells, operator runs nodes and coordinators',
      choices: roleNames,
    },
    only: { flags: '--only <ids>', help: 'only these checks, separated by commas', parse: idsOf },
    model: { flags: '--model <name>', help: 'a model that you mean to buy' },
  },
  examples: [
    { line: 'aitbc doctor', note: 'what is wrong, and what to do' },
    { line: 'aitbc doctor --role provider', note: 'why do I sell nothing' },
    { line: 'aitbc doctor --only node-up,clock --json', note: 'two checks, for a script' },
  ],
  async run(context, { options }) {
    const { allChecks, chooseChecks, examine } = await import('../doctor/examine.ts');
    const { createLook } = await import('../doctor/look.ts');
    const { thisMachine } = await import('../doctor/machine.ts');
    const { rolesFor } = await import('../doctor/roles-for.ts');
    const { reportText, totalsOf } = await import('../doctor/report.ts');
    const { out } = context;
    const roles = rolesFor(context, options.role);
    const checks = chooseChecks({ roles, only: options.only ?? [] });
    const look = await createLook({ context, machine: thisMachine(), model: options.model });
    const looking = out.progress(`${checks.length} of ${allChecks.length} checks`);
    let left = checks.length;
    const findings = await examine(look, checks, () => {
      left -= 1;
      looking.update(`${left} checks are left`);
    }).finally(() => looking.done());
    const totals = totalsOf(findings);
    out.result({ roles, totals, checks: findings }, () => reportText(out, findings));
    return totals.fail > 0 ? 1 : 0;
  },
});

function idsOf(text: string, flag: string): readonly string[] {
  const ids = text.split(',').map((id) => id.trim());
  if (ids.every((id) => /^[a-z-]+$/.test(id))) return ids;
  throw new AppError('CLI_USAGE', {
    reason: `${flag} takes names of checks, such as node-up,clock`,
  });
}
