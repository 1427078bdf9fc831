import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({ summary: 'Settings that hold for every command of this user' });
