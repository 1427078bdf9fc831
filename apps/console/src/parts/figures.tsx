/** Numbers with their unit, their time and where they come from. */
import type { ReactNode } from 'react';
import { useNowMs } from '../data/hooks.ts';
import { exactAit, toldAmount } from '../format/amounts.ts';
import { agoText, dateText } from '../format/times.ts';

/** An amount of money. */
export function Money({ nait }: { readonly nait: bigint | string }) {
  const { value, unit } = toldAmount(nait);
  return (
    <span className="num" title={`${exactAit(nait)} AIT`}>
      {value} <span className="soft">{unit}</span>
    </span>
  );
}

/** How long ago; the exact time on hover. */
export function Ago({ atMs }: { readonly atMs: number }) {
  const nowMs = useNowMs();
  return (
    <time className="num" dateTime={new Date(atMs).toISOString()} title={dateText(atMs)}>
      {agoText(atMs, nowMs)}
    </time>
  );
}

/** One figure of a row of figures. */
export interface Stat {
  readonly name: string;
  readonly value: ReactNode;
  readonly unit?: string | undefined;
  readonly under?: ReactNode;
}

/** Figures side by side. */
export function Stats({ stats }: { readonly stats: readonly Stat[] }) {
  return (
    <dl className="stats">
      {stats.map(({ name, value, unit, under }) => (
        <div className="stat" key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            {unit !== undefined && <span className="unit">{unit}</span>}
          </dd>
          {under !== undefined && <dd className="under">{under}</dd>}
        </div>
      ))}
    </dl>
  );
}

/** A link to the call that gives these numbers. */
export function Source({
  path,
  children,
}: {
  readonly path: string;
  readonly children?: ReactNode;
}) {
  return (
    <a className="source" href={path} target="_blank" rel="noreferrer">
      {children ?? path}
    </a>
  );
}

/** How something stands, in a word and a tone. */
export type Tone = 'good' | 'wait' | 'bad' | 'accent' | 'plain';

/** A small label. */
export function Badge({
  tone = 'plain',
  children,
}: {
  readonly tone?: Tone;
  readonly children: ReactNode;
}) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

/** Names and values below one another. */
export function Facts({ rows }: { readonly rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name} className="facts-row">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
