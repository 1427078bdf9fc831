/** `aitbc agent show`: one agent. */
import { agentFacts } from '../../agent/agent-text.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'One agent: its name, skills, prices and where it answers',
  arguments: [{ name: 'agent', help: 'address ait1… of the agent' }],
  examples: [{ line: 'aitbc agent show ait1…', note: 'who is it, and what can it do?' }],
  async run({ out, clients, signal }, { args }) {
    const { coordinator } = await clients();
    const agent = await coordinator.getAgent({ address: args.agent }, { signal });
    out.result(agent, () => out.table(agentFacts(agent)));
  },
});
