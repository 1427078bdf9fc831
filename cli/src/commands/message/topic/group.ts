import { defineGroup } from '../../../command/define-command.ts';

export default defineGroup({ summary: 'Say something to everybody who listens to a topic' });
