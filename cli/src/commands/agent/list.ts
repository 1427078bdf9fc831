/** `aitbc agent list`: who is registered. */
import { agentHead, agentRow } from '../../agent/agent-text.ts';
import { defineCommand } from '../../command/define-command.ts';
import { listAll } from '../../market/list-all.ts';

export default defineCommand({
  summary: 'Agents that are registered, by skill or by a word of their card',
  options: {
    skill: { flags: '-s, --skill <skill>', help: 'only who can do this' },
    search: { flags: '--search <text>', help: 'part of a name, a description or a skill' },
  },
  examples: [
    { line: 'aitbc agent list --skill translate', note: 'who translates?' },
    { line: 'aitbc agent list --search "legal text"', note: 'by a word of their cards' },
  ],
  async run({ out, clients, signal }, { options }) {
    const { coordinator } = await clients();
    const { skill, search: q } = options;
    const agents = await listAll(async (after) => {
      const page = await coordinator.listAgents({ skill, q, after }, { signal });
      return { rows: page.agents, next: page.next };
    });
    out.result({ agents }, () =>
      agents.length === 0
        ? 'No such agent is registered here.'
        : out.table(agents.map(agentRow), { head: agentHead }),
    );
  },
});
