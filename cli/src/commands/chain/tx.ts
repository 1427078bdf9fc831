/** `aitbc chain tx`: one transaction. */
import { aitText } from '../../amounts.ts';
import { bodyRows } from '../../chain/tx-text.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'A transaction: what it does and whether it is final',
  arguments: [{ name: 'id', help: 'transaction id, 64 hex digits' }],
  examples: [{ line: 'aitbc chain tx <id>', note: 'the block it is in, and its effect' }],
  async run({ out, clients, signal }, { args }) {
    const { node } = await clients();
    const found = await node.rpc.tx_get({ txId: args.id }, { signal });
    out.result(found, () => {
      const { tx, status, receipt, blockHash } = found;
      const where =
        receipt === null ? 'waiting' : `final in block ${receipt.height}, place ${receipt.index}`;
      const facts = out.table([
        ['transaction', args.id],
        ['status', status === 'final' ? where : 'accepted, not final yet'],
        ['block', blockHash ?? 'none yet'],
        ['kind', tx.kind],
        ['from', tx.from],
        ['nonce', String(tx.nonce)],
        ['fee', aitText(tx.fee)],
        ...bodyRows(tx),
      ]);
      const paid = (receipt?.rows ?? []).map((row) => [
        row.channelId,
        aitText(row.paid),
        row.code ?? 'paid',
      ]);
      if (paid.length === 0) return facts;
      return `${facts}\n\n${out.table(paid, { head: ['channel', 'paid', 'result'], right: [1] })}`;
    });
  },
});
