import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({
  summary: 'Payment channels: what lies in them, more coins into one, the way out',
});
