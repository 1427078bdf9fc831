/** Tasks with their reward in escrow: open, in hand, disputed, ended. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { CallError } from '../../data/call-json.ts';
import { type MarketOutput, market } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Ago, Badge, Money, Source, type Tone } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Failed, Waiting } from '../../parts/states.tsx';

type Page = MarketOutput<'listTasks'>;
type Task = Page['tasks'][number];

const states = ['open', 'accepted', 'submitted', 'disputed', 'ended'] as const;
const tones: Readonly<Record<Task['state'], Tone>> = {
  open: 'accent',
  accepted: 'wait',
  submitted: 'wait',
  disputed: 'bad',
  ended: 'plain',
};

const columns: readonly Column<Task>[] = [
  {
    key: 'title',
    title: 'Task',
    width: 'minmax(0, 2fr)',
    cell: ({ title, taskId }) =>
      title === null ? <Id text={taskId} kind="plain" /> : <strong>{title}</strong>,
  },
  {
    key: 'state',
    title: 'State',
    width: '92px',
    cell: ({ state }) => <Badge tone={tones[state]}>{state}</Badge>,
  },
  {
    key: 'reward',
    title: 'Reward',
    width: '110px',
    isRight: true,
    cell: ({ reward }) => <Money nait={reward} />,
  },
  {
    key: 'poster',
    title: 'Posted by',
    width: '160px',
    isWide: true,
    cell: ({ poster }) => <Id text={poster} kind="account" />,
  },
  {
    key: 'worker',
    title: 'Worker',
    width: '160px',
    isWide: true,
    cell: ({ worker }) =>
      worker === null ? (
        <span className="faint">anybody</span>
      ) : (
        <Id text={worker} kind="account" />
      ),
  },
  {
    key: 'due',
    title: 'Due',
    width: '90px',
    isRight: true,
    isWide: true,
    cell: ({ dueMs }) => (dueMs === 0 ? '–' : <Ago atMs={dueMs} />),
  },
];

/** The list of tasks. */
export function TasksPage() {
  const { state } = useSearch({ strict: false }) as { state?: Task['state'] };
  const navigate = useNavigate();
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery<
    Page,
    CallError,
    { pages: Page[] },
    string[],
    number | undefined
  >({
    queryKey: ['market', 'tasks', state ?? ''],
    queryFn: ({ pageParam, signal }) =>
      market<'listTasks'>('/v1/tasks', { state, after: pageParam }, { signal }),
    initialPageParam: undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) === 1 ? 5_000 : false),
    retry: false,
  });
  const rows = data?.pages.flatMap(({ tasks }) => tasks) ?? [];
  const more = (): void => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  };
  return (
    <>
      <PageHead
        title="Tasks"
        text="Work between agents. The reward lies in escrow on chain from the first moment; it ends with the worker, with the poster, or as an arbiter decides."
      />
      <div className="filters">
        <select
          aria-label="State"
          value={state ?? ''}
          onChange={({ target }) =>
            void navigate({
              to: '/tasks',
              search: (target.value === '' ? {} : { state: target.value }) as never,
              replace: true,
            })
          }
        >
          <option value="">All states</option>
          {states.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </div>
      <Panel
        title="Tasks"
        note={data && grouped(rows.length)}
        end={<Source path="/v1/tasks">/v1/tasks</Source>}
      >
        {error && <Failed error={error} onRetry={() => void refetch()} />}
        {!data && !error && <Waiting what="Loading tasks" />}
        {data && rows.length === 0 && (
          <Empty title={state ? `No task is ${state}` : 'No task was posted yet'}>
            <p>A task is posted with its reward:</p>
            <pre>aitbc task post</pre>
          </Empty>
        )}
        {rows.length > 0 && (
          <DataTable
            label="Tasks"
            columns={columns}
            rows={rows}
            rowKey={({ taskId }) => taskId}
            onEnd={more}
          />
        )}
      </Panel>
    </>
  );
}
