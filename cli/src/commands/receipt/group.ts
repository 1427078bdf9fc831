import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({ summary: 'Proofs of paid jobs' });
