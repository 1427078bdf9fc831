/** `aitbc audit list`: audited jobs, or the disputes your provider is in. */
import { findServed, providerOwner } from '../../ai/owner/served.ts';
import { auditHead, auditRow, caseHead, caseRow, stateOf } from '../../audit/audit-text.ts';
import { defineCommand } from '../../command/define-command.ts';
import { listAll } from '../../market/list-all.ts';

export default defineCommand({
  summary: 'Audited jobs and what was found; --mine: disputes your provider is in',
  details:
    'An auditor is another provider with the same weights, drawn by the hash of a block. What it measured is signed and public; prompts and answers are not shown. `unproven` means that an accusation was not brought to the chain: it counts for nothing.',
  options: {
    provider: { flags: '-p, --provider <address>', help: 'only audits of this provider' },
    state: {
      flags: '-s, --state <state>',
      help: 'only in this state, such as guilty',
      parse: stateOf,
    },
    mine: {
      flags: '--mine',
      help: 'disputes that your provider is in, as accused, accuser or juror',
    },
    dataDir: { flags: '--data-dir <dir>', help: 'with --mine: folder of the provider' },
  },
  examples: [
    { line: 'aitbc audit list', note: 'the newest audits of all providers' },
    { line: 'aitbc audit list --state guilty', note: 'who lost bond' },
    { line: 'aitbc audit list --mine', note: 'is somebody accusing me?' },
  ],
  async run(context, { options }) {
    const { out, signal } = context;
    if (options.mine) {
      const client = await providerOwner(context, findServed(context, options.dataDir));
      const { cases } = await client.ownCases({}, { signal });
      out.result({ cases }, () =>
        cases.length === 0
          ? 'Your provider is in no dispute.'
          : out.table(cases.map(caseRow), { head: caseHead }),
      );
      return;
    }
    const { coordinator } = await context.clients();
    const { provider, state } = options;
    const audits = await listAll(async (after) => {
      const page = await coordinator.listAudits({ provider, state, after }, { signal });
      return { rows: page.audits, next: page.next };
    });
    out.result({ audits }, () =>
      audits.length === 0
        ? 'No such audit yet.'
        : out.table(audits.map(auditRow), { head: auditHead, right: [4] }),
    );
  },
});
