import { defineGroup } from '../../../command/define-command.ts';

export default defineGroup({ summary: 'Tokens: what programs may have signed' });
