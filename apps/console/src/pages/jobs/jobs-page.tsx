/** Paid answers of the last day, as buyers reported them. */
import { useMemo } from 'react';
import { grouped } from '../../format/amounts.ts';
import { spanText } from '../../format/times.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Ago, Badge, Money, Source } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { type JobSum, jobsOf, useReceipts } from './use-receipts.ts';

const columns: readonly Column<JobSum>[] = [
  {
    key: 'job',
    title: 'Job',
    width: 'minmax(120px, 1fr)',
    cell: ({ jobId }) => <Id text={jobId} kind="job" stretched />,
  },
  {
    key: 'model',
    title: 'Model',
    width: 'minmax(0, 1fr)',
    isWide: true,
    cell: ({ model }) => model,
  },
  {
    key: 'by',
    title: 'Provider',
    width: 'minmax(150px, 1fr)',
    isWide: true,
    cell: ({ providers }) =>
      providers.length === 1 ? (
        <Id text={providers[0] ?? ''} kind="provider" />
      ) : (
        <Badge tone="accent">{providers.length} providers</Badge>
      ),
  },
  {
    key: 'tokens',
    title: 'Tokens',
    width: '68px',
    isRight: true,
    cell: ({ outputTokens }) => <span className="num">{grouped(outputTokens)}</span>,
  },
  {
    key: 'first',
    title: 'First token',
    width: '84px',
    isRight: true,
    isWide: true,
    cell: ({ firstTokenMs }) => <span className="num">{spanText(firstTokenMs)}</span>,
  },
  {
    key: 'charged',
    title: 'Charged',
    width: '104px',
    isRight: true,
    cell: ({ charged }) => <Money nait={charged} />,
  },
  {
    key: 'outcome',
    title: 'Outcome',
    width: '110px',
    isRight: true,
    isWide: true,
    cell: ({ outcome }) => (
      <Badge tone={outcome === 'complete' ? 'good' : 'wait'}>{outcome.replaceAll('_', ' ')}</Badge>
    ),
  },
  {
    key: 'age',
    title: 'Age',
    width: '76px',
    isRight: true,
    isWide: true,
    cell: ({ atMs }) => <Ago atMs={atMs} />,
  },
];

/** The list of jobs. */
export function JobsPage() {
  const { asked, receipts } = useReceipts();
  const jobs = useMemo(() => jobsOf(receipts), [receipts]);
  return (
    <>
      <PageHead
        title="Jobs"
        text="Paid answers of the last day. Prompts and answers are never shown: a job is its receipts."
      />
      <Panel
        title="Finished"
        note={grouped(jobs.length)}
        end={<Source path="/v1/events?kind=receipt">receipts</Source>}
      >
        <Loaded
          asked={asked}
          isEmpty={() => jobs.length === 0}
          empty={
            <Empty title="No paid answer in the last day">
              <p>The playground buys one in a second.</p>
            </Empty>
          }
        >
          {() => (
            <DataTable
              label="Jobs"
              columns={columns}
              rows={jobs}
              rowKey={({ jobId }) => jobId}
              isLinked
            />
          )}
        </Loaded>
      </Panel>
    </>
  );
}
