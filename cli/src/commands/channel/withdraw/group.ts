import { defineGroup } from '../../../command/define-command.ts';

export default defineGroup({ summary: 'Take back what is free in a channel, after its notice' });
