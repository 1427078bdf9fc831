import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({
  summary: 'The local gateway: API keys, request log, tools for agents',
});
