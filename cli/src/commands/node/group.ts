import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({
  summary: 'Nodes of a chain: make, join, run, look at, snapshot, reset',
});
