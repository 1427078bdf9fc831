import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({
  summary: 'Strategies for prices: test them on the record, on paper, and for real',
});
