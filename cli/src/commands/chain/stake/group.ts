import { defineGroup } from '../../../command/define-command.ts';

export default defineGroup({
  summary: 'Stake of a validator: bond, unbond, withdraw, unjail',
});
