/** Transactions of a block or an account. */
import type { ChainOutput } from '../../data/sources.ts';
import { kindText } from '../../format/names.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Money } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { bodyText } from './tx-body.tsx';

type Block = ChainOutput<'chain_getBlock'>;
type Tx = Block['txs'][number];

const columns: readonly Column<Tx & { readonly txId: string }>[] = [
  {
    key: 'id',
    title: 'Transaction',
    width: 'minmax(105px, 180px)',
    cell: ({ txId }) => <Id text={txId} kind="tx" stretched />,
  },
  { key: 'kind', title: 'Kind', width: 'minmax(84px, 150px)', cell: ({ kind }) => kindText(kind) },
  {
    key: 'from',
    title: 'From',
    width: '170px',
    isWide: true,
    cell: ({ from }) => <Id text={from} kind="account" />,
  },
  { key: 'what', title: 'What', width: 'minmax(0, 1fr)', isWide: true, cell: (tx) => bodyText(tx) },
  {
    key: 'fee',
    title: 'Fee',
    width: '96px',
    isRight: true,
    cell: ({ fee }) => <Money nait={fee} />,
  },
];

/** A table of transactions. */
export function TxTable({ txs, receipts }: Pick<Block, 'txs' | 'receipts'>) {
  const rows = txs.map((tx, at) => ({ ...tx, txId: tx.txId ?? receipts[at]?.txId ?? '' }));
  return (
    <DataTable
      label="Transactions"
      columns={columns}
      rows={rows}
      rowKey={({ txId }) => txId}
      isLinked
    />
  );
}
