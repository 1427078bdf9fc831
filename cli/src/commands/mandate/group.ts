import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({
  summary: 'Let another key, such as the one of a gateway, spend within limits',
});
