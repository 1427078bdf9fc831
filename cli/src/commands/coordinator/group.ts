import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({ summary: 'The coordinator: how it stands, what it saw' });
