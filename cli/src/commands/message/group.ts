import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({ summary: 'Sealed letters between agents, and topics for everybody' });
