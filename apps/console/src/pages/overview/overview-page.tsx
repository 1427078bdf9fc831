/**
 * The network at a glance: is it alive, what does it do, what does it cost. Title and figures are painted with the first
 * script; charts and lists are a part of their own and come after that.
 */
import { lazy, Suspense } from 'react';
import { useLive } from '../../data/hooks.ts';
import { useHistory } from '../../data/use-history.ts';
import { PageHead } from '../../parts/panel.tsx';
import { Waiting } from '../../parts/states.tsx';
import { Figures } from './figures-row.tsx';

const Details = lazy(() =>
  import('./details.tsx').then(({ Details: part }) => ({ default: part })),
);

/** The first page. */
export function OverviewPage() {
  const { events } = useLive();
  const blocks = useHistory();
  return (
    <>
      <PageHead
        title="Overview"
        text="Inference by the token, paid over a chain of its own. Everything below is live."
      />
      <div className="stack">
        <Figures blocks={blocks} events={events} />
        <Suspense fallback={<Waiting what="Loading charts" />}>
          <Details blocks={blocks} events={events} />
        </Suspense>
      </div>
    </>
  );
}
