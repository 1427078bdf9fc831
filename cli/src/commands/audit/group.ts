import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({
  summary: 'Audits: answers replayed by others, and disputes about them on chain',
});
