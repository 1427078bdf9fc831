import { defineGroup } from '../../../command/define-command.ts';

export default defineGroup({ summary: 'Shared accounts: m of n members must agree' });
