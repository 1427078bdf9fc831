/** How an offer is shown in a row. */
import { grouped, priceText } from '../../format/amounts.ts';
import type { Column } from '../../parts/data-table.tsx';
import { Badge } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { Reputation } from './reputation.tsx';
import type { Offer } from './sort-offers.ts';

const notMeasured = (
  <span className="faint" title="No paid answer was reported yet">
    –
  </span>
);

/** Columns of a list of offers. */
export const offerColumns: readonly Column<Offer>[] = [
  {
    key: 'model',
    title: 'Model',
    width: 'minmax(110px, 1.4fr)',
    cell: ({ offer: { payload } }) => (
      <>
        {payload.model} <span className="faint">{payload.quantization}</span>
      </>
    ),
  },
  {
    key: 'provider',
    title: 'Provider',
    width: 'minmax(120px, 1fr)',
    cell: ({ offer: { payload } }) => <Id text={payload.provider} kind="provider" stretched />,
  },
  {
    key: 'in',
    title: 'Input',
    width: '76px',
    isRight: true,
    isWide: true,
    cell: ({ offer: { payload } }) => (
      <span className="num">{priceText(payload.price.inputPerMTok)}</span>
    ),
  },
  {
    key: 'out',
    title: 'Output',
    width: '76px',
    isRight: true,
    cell: ({ offer: { payload } }) => (
      <span className="num">{priceText(payload.price.outputPerMTok)}</span>
    ),
  },
  {
    key: 'first',
    title: 'First token',
    width: '90px',
    isRight: true,
    isWide: true,
    cell: ({ measured: { firstTokenMsP50 } }) =>
      firstTokenMsP50 === null ? (
        notMeasured
      ) : (
        <span className="num">{grouped(Math.round(firstTokenMsP50))} ms</span>
      ),
  },
  {
    key: 'speed',
    title: 'Speed',
    width: '90px',
    isRight: true,
    isWide: true,
    cell: ({ measured: { tokensPerSecondP50 } }) =>
      tokensPerSecondP50 === null ? (
        notMeasured
      ) : (
        <span className="num">{grouped(Math.round(tokensPerSecondP50))} tok/s</span>
      ),
  },
  {
    key: 'load',
    title: 'Load',
    width: '64px',
    isRight: true,
    isWide: true,
    cell: ({ gauges }) => (
      <span
        className="num"
        title={`${gauges.running} run, ${gauges.waiting} wait, ${gauges.slots} places`}
      >
        {gauges.running} / {gauges.slots}
      </span>
    ),
  },
  {
    key: 'score',
    title: 'Reputation',
    width: '84px',
    isRight: true,
    isWide: true,
    cell: ({ offer: { payload } }) => <Reputation address={payload.provider} />,
  },
  {
    key: 'can',
    title: '',
    width: '92px',
    isRight: true,
    isWide: true,
    cell: ({ offer: { payload } }) =>
      payload.verifiable ? <Badge tone="good">verifiable</Badge> : null,
  },
];
