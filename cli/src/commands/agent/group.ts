import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({
  summary: 'The registry of agents: who they are and what they can do',
});
