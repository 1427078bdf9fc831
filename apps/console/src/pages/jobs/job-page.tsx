/** One job from its offer to its settlement, from what is public and from the reader's own gateway where it knows more. */
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { CallError } from '../../data/call-json.ts';
import { useConsole, useMarket } from '../../data/hooks.ts';
import { type GatewayOutput, gatewayGet } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { spanText } from '../../format/times.ts';
import { Badge, Money, Source, Stats } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Waiting } from '../../parts/states.tsx';
import { Timeline } from './timeline.tsx';
import { type JobKnown, stepsOf } from './timeline-steps.ts';
import { jobsOf, useReceipts } from './use-receipts.ts';

/** A job by its id. */
export function JobPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { asked, receipts } = useReceipts();
  const mine = useMine(id);
  const audits = useMarket<'listAudits'>('/v1/audits', {}, { everyMs: 5_000 });
  const own = receipts.filter(({ jobId }) => jobId === id);
  const [sum] = jobsOf(own);
  const audit = audits.data?.audits.find(({ jobId }) => jobId === id);
  const known: JobKnown = { receipts: own, audit, log: mine.log, proof: mine.proof };
  if (asked.isPending && !mine.log) return <Waiting what="Loading the job" />;
  const steps = stepsOf(known);
  return (
    <>
      <PageHead title="Job" text={<Id text={id} kind="plain" isFull />}>
        {mine.log && <Badge tone="accent">yours</Badge>}
      </PageHead>
      {steps.length === 0 ? (
        <Panel>
          <Empty title="Nothing is known of this job here">
            <p>Its buyer did not report it to this coordinator, or it is older than a day.</p>
          </Empty>
        </Panel>
      ) : (
        <div className="stack">
          <JobStats known={known} sum={sum} />
          <Panel
            title="Timeline"
            end={<Source path="/v1/events?kind=receipt">receipts</Source>}
            padded
          >
            <Timeline steps={steps} />
          </Panel>
          {mine.proof && (
            <Link className="plain-button job-verify" to="/receipt" search={{ job: id } as never}>
              Verify the proof of this job in the browser
            </Link>
          )}
        </div>
      )}
    </>
  );
}

function JobStats({
  known: { log },
  sum,
}: {
  readonly known: JobKnown;
  readonly sum: ReturnType<typeof jobsOf>[number] | undefined;
}) {
  const charged = log?.charged ?? sum?.charged ?? 0n;
  const tokens = log?.outputTokens ?? sum?.outputTokens ?? 0;
  const first = log?.firstTokenMs ?? sum?.firstTokenMs;
  return (
    <Stats
      stats={[
        {
          name: 'Model',
          value: <span className="stat-text">{log?.model ?? sum?.model ?? '–'}</span>,
        },
        { name: 'Output', value: grouped(tokens), unit: 'tokens' },
        { name: 'Charged', value: <Money nait={charged} /> },
        {
          name: 'First token',
          value: first === undefined || first === null ? '–' : spanText(first),
        },
        { name: 'Providers', value: log?.parts.length ?? sum?.providers.length ?? '–' },
      ]}
    />
  );
}

/** What the reader's gateway knows of the job; nothing where it does not answer or never bought it. */
function useMine(id: string): Pick<JobKnown, 'log' | 'proof'> {
  const { data } = useConsole();
  const gateway = data?.gateway ?? '';
  const options = { enabled: gateway !== '', retry: false } as const;
  const log = useQuery<GatewayOutput<'job'>, CallError>({
    ...options,
    queryKey: ['gateway', gateway, 'job', id],
    queryFn: ({ signal }) => gatewayGet<'job'>(gateway, `/v1/aitbc/jobs/${id}`, signal),
    refetchInterval: ({ state }) =>
      state.data && !state.data.parts.every(({ isSettled }) => isSettled) ? 2_000 : false,
  });
  const proof = useQuery<GatewayOutput<'proof'>, CallError>({
    ...options,
    enabled: gateway !== '' && log.data !== undefined,
    queryKey: ['gateway', gateway, 'proof', id],
    queryFn: ({ signal }) => gatewayGet<'proof'>(gateway, `/v1/aitbc/receipts/${id}`, signal),
  });
  return { log: log.data, proof: proof.data };
}
