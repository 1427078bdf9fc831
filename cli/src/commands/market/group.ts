import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({ summary: 'What is for sale: models, prices, providers' });
