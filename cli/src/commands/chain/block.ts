/** `aitbc chain block`: one final block. */
import { AppError } from '@aitbc/protocol';
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { counted } from '../../wording.ts';

export default defineCommand({
  summary: 'A final block and its transactions',
  arguments: [{ name: 'block', help: 'height or hash; the newest when left out', required: false }],
  examples: [
    { line: 'aitbc chain block', note: 'the newest block' },
    { line: 'aitbc chain block 12', note: 'the block at height 12' },
  ],
  async run({ out, clients, signal }, { args }) {
    const { node } = await clients();
    const block = await node.rpc.chain_getBlock(blockInput(args.block), { signal });
    out.result(block, () => {
      const { hash, header, txs, certificate } = block;
      const facts = out.table([
        ['height', `${header.height} (view ${header.view})`],
        ['hash', hash],
        ['parent', header.parent],
        ['time', new Date(header.timeMs).toISOString()],
        ['proposer', header.proposer],
        ['state root', header.stateRoot],
        ['certificate', certificate ? counted(certificate.votes.length, 'vote') : 'none'],
      ]);
      if (txs.length === 0) return `${facts}\n\nNo transactions.`;
      const rows = txs.map(({ txId, kind, from, fee }) => [txId ?? '', kind, from, aitText(fee)]);
      const head = ['transaction', 'kind', 'from', 'fee'];
      return `${facts}\n\n${out.table(rows, { head, right: [3] })}`;
    });
  },
});

function blockInput(named: string | undefined): { height?: number; hash?: string } {
  if (named === undefined) return {};
  if (/^[0-9a-f]{64}$/.test(named)) return { hash: named };
  const height = Number(named);
  if (/^[0-9]+$/.test(named) && Number.isSafeInteger(height)) return { height };
  throw new AppError('CLI_USAGE', {
    reason: `"${named.slice(0, 80)}" is neither a height nor a block hash of 64 hex digits.`,
  });
}
