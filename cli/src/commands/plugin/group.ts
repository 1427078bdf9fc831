import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({ summary: 'Commands of others: list, add, remove, write your own' });
