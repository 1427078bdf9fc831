import { defineGroup } from '../../command/define-command.ts';

export default defineGroup({
  summary: 'The ledger: status, blocks, transactions, accounts, audit',
});
