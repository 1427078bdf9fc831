import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({
  summary: 'Work for a reward in escrow: every task has a date and a way out',
});
