/** A chart over time: lines or bars, with the same numbers in words for who does not see it. */
import { lazy, Suspense, useEffect, useState } from 'react';

/** One series; `null` where nothing was measured. */
export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

/** What a chart shows. */
export interface ChartProps {
  /** In words: what is drawn, and its last figures. */
  readonly label: string;
  /** Place of each point: seconds since 1970, or heights of blocks. */
  readonly xs: readonly number[];
  readonly axis?: 'time' | 'block';
  readonly series: readonly Series[];
  readonly kind: 'line' | 'bars';
  readonly unit: string;
  readonly heightPx?: number;
  /** What to say while there are no points. */
  readonly empty?: string;
}

const Plot = lazy(() => import('./plot.tsx').then(({ Plot: part }) => ({ default: part })));
const heightUsualPx = 150;
const idleTimeoutMs = 1_000;

/** A chart. */
export function Chart({
  heightPx = heightUsualPx,
  empty = 'Nothing measured yet',
  ...props
}: ChartProps) {
  const isEmpty = props.series.every(({ values }) => values.every((value) => value === null));
  const hasTime = useIdle();
  return (
    <div className="chart" role="img" aria-label={props.label} style={{ minHeight: heightPx }}>
      {isEmpty ? (
        <span className="empty">{empty}</span>
      ) : hasTime ? (
        <Suspense fallback={null}>
          <Plot {...props} heightPx={heightPx} />
        </Suspense>
      ) : null}
    </div>
  );
}

/** True from the first moment on in which the browser has nothing else to do; so several charts never make one long task. */
function useIdle(): boolean {
  const [isIdle, setIdle] = useState(false);
  useEffect(() => {
    const request = requestIdleCallback(() => setIdle(true), { timeout: idleTimeoutMs });
    return () => cancelIdleCallback(request);
  }, []);
  return isIdle;
}
