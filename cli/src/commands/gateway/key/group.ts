import { defineGroup } from '../../../command/define-command.ts';

export default defineGroup({ summary: 'API keys of the gateway, each with limits of its own' });
