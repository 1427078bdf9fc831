/** One block: its header, who signed it, and what is in it. */
import { Link, useParams } from '@tanstack/react-router';
import { useChain, useLive } from '../../data/hooks.ts';
import type { ChainOutput } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { dateText } from '../../format/times.ts';
import { Ago, Facts, Source } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { TxTable } from './tx-table.tsx';
import { Votes } from './votes.tsx';

type Block = ChainOutput<'chain_getBlock'>;

/** A block by its height or hash. */
export function BlockPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const name = /^\d{1,15}$/.test(id) ? { height: Number(id) } : { hash: id };
  const asked = useChain('chain_getBlock', name);
  return <Loaded asked={asked}>{(block) => <BlockView block={block} />}</Loaded>;
}

function BlockView({ block }: { readonly block: Block }) {
  const { header, hash, txs } = block;
  const { blocks } = useLive();
  const finalMs = blocks.find(({ height }) => height === header.height)?.finalMs;
  const newest = Math.max(header.height, blocks.at(-1)?.height ?? 0);
  return (
    <>
      <PageHead
        title={`Block ${grouped(header.height)}`}
        text={
          <>
            Final, {dateText(header.timeMs)}, <Ago atMs={header.timeMs} />
          </>
        }
      >
        <Steps height={header.height} newest={newest} />
      </PageHead>
      <div className="stack">
        <div className="grid two">
          <Panel title="Header" padded end={<Source path="/openapi.json">chain_getBlock</Source>}>
            <Facts
              rows={[
                ['Hash', <Id key="hash" text={hash} kind="plain" isFull />],
                [
                  'Parent',
                  header.height > 0 ? (
                    <Id key="parent" text={header.parent} kind="block" />
                  ) : (
                    'none'
                  ),
                ],
                ['Proposer', <Id key="proposer" text={header.proposer} kind="plain" />],
                ['Epoch, view', `${header.epoch}, ${grouped(header.view)}`],
                [
                  'Final after',
                  finalMs === undefined || finalMs === null
                    ? 'before this page was open'
                    : `${finalMs} ms`,
                ],
                ['State root', <Id key="state" text={header.stateRoot} kind="plain" />],
                ['Transactions root', <Id key="txs" text={header.txRoot} kind="plain" />],
                ['Receipts root', <Id key="receipts" text={header.receiptRoot} kind="plain" />],
              ]}
            />
          </Panel>
          <Votes certificate={block.certificate} height={header.height} epoch={header.epoch} />
        </div>
        <Panel title="Transactions" note={String(txs.length)}>
          {txs.length === 0 ? (
            <Empty title="A heartbeat: no transaction">
              <p>
                An idle chain makes an empty block now and then, so that everybody sees that it
                lives.
              </p>
            </Empty>
          ) : (
            <TxTable txs={txs} receipts={block.receipts} />
          )}
        </Panel>
      </div>
    </>
  );
}

function Steps({ height, newest }: { readonly height: number; readonly newest: number }) {
  return (
    <div className="steps">
      {height > 0 && (
        <Link className="plain-button" to="/explorer/block/$id" params={{ id: String(height - 1) }}>
          Older
        </Link>
      )}
      {height < newest && (
        <Link className="plain-button" to="/explorer/block/$id" params={{ id: String(height + 1) }}>
          Newer
        </Link>
      )}
    </div>
  );
}
