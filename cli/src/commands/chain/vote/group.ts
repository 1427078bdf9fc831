import { defineGroup } from '../../../command/define-command.ts';

export default defineGroup({
  summary: 'Votes of validators: parameters, upgrades, and what is open',
});
