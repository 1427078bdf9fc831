import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({ summary: 'Buy answers from models, or sell your own compute' });
