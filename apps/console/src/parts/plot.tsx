/** uPlot, in the colours of the page. A part of its own, loaded after the first paint. */
import { type RefObject, useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import { useScheme } from '../app/scheme.ts';
import { grouped } from '../format/amounts.ts';
import type { ChartProps } from './chart.tsx';

const axisPx = 46;
const font = '11px ui-sans-serif, system-ui, sans-serif';

/** Draws a chart into the width it is given. */
export function Plot({ xs, series, kind, unit, axis = 'time', heightPx = 150 }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const plot = useRef<uPlot | null>(null);
  const names = series.map(({ name }) => name).join('|');
  const [scheme] = useScheme(); // a chart is drawn anew in other colours
  // biome-ignore lint/correctness/useExhaustiveDependencies: data is set below, without drawing anew
  useEffect(() => {
    const target = box.current;
    if (!target || width === 0) return;
    const made = new uPlot(
      optionsOf({ names: names.split('|'), kind, unit, axis, width, heightPx }),
      dataOf(xs, series),
      target,
    );
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [names, kind, unit, axis, width, heightPx, scheme]);
  useEffect(() => plot.current?.setData(dataOf(xs, series)), [xs, series]);
  return <div ref={box} />;
}

function dataOf(xs: ChartProps['xs'], series: ChartProps['series']): uPlot.AlignedData {
  return [xs as number[], ...series.map(({ values }) => values as (number | null)[])];
}

interface Look {
  readonly names: readonly string[];
  readonly kind: ChartProps['kind'];
  readonly unit: string;
  readonly axis: 'time' | 'block';
  readonly width: number;
  readonly heightPx: number;
}

function optionsOf({ names, kind, unit, axis, width, heightPx }: Look): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const colours = [colour('--accent'), colour('--good'), colour('--wait'), colour('--ink-soft')];
  const look = { stroke: colour('--ink-faint'), font, ticks: { show: false } };
  const grid = { stroke: colour('--line'), width: 1 };
  const bars = uPlot.paths.bars?.({ size: [0.7, 24], radius: 0.15 });
  return {
    ...{ width, height: heightPx, padding: [8, 16, 0, 0], legend: { show: false } },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: axis === 'time', range: (_plot, min, max) => spread(min, max, kind) },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.15 : 1] },
    },
    axes: [
      {
        ...{ ...look, grid: { show: false }, size: 26, space: 70 },
        values:
          axis === 'time'
            ? '{HH}:{mm}'
            : (_plot, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? grouped(tick) : '')),
      },
      {
        ...look,
        grid,
        size: axisPx,
        space: 34,
        values: (_plot, ticks) => ticks.map((tick) => tickText(tick, unit)),
      },
    ],
    series: [
      {},
      ...names.map((label, at) => {
        const stroke = colours[at % colours.length] ?? 'gray';
        const fill = kind === 'bars' ? stroke : `color-mix(in srgb, ${stroke} 10%, transparent)`;
        return {
          ...{ label, stroke, width: kind === 'bars' ? 0 : 1.5, points: { show: false } },
          ...(names.length === 1 && { fill }),
          ...(kind === 'bars' && bars && { paths: bars, fill: stroke }),
        };
      }),
    ],
  };
}

/** Room for half a bar at both ends; a chart of one point is as wide as one step. */
function spread(min: number, max: number, kind: ChartProps['kind']): [number, number] {
  const room = kind === 'bars' ? Math.max((max - min) / 28, 0.5) : min === max ? 1 : 0;
  return [min - room, max + room];
}

function tickText(value: number, unit: string): string {
  const short = value >= 10_000 ? `${value / 1_000}k` : String(value);
  return unit === '' ? short : `${short} ${unit}`;
}

/** Width of an element, px; 0 before it is laid out. */
function useWidth(box: RefObject<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.floor(entry?.contentRect.width ?? 0)),
    );
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [box]);
  return width;
}
