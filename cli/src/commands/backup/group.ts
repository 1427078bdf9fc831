import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({
  summary: 'Copies of what daemons keep, and the way back',
});
