import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({ summary: 'Keys and coins: accounts, balances, payments' });
