import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({
  summary: 'Abuse of the market: what detectors found, and whether it holds',
});
