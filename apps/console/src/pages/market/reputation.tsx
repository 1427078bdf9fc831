/** A provider's reputation: the number, and the formula with its figures filled in. */
import { useMarket } from '../../data/hooks.ts';
import type { MarketOutput } from '../../data/sources.ts';
import { Facts, Source } from '../../parts/figures.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Loaded } from '../../parts/states.tsx';
import { factorsOf } from './score-formula.ts';

type Score = MarketOutput<'providerScore'>;

const everyMs = 30_000;
const weakBelow = 900;

/** The number alone. */
export function Reputation({ address }: { readonly address: string }) {
  const { data } = useMarket<'providerScore'>(`/v1/providers/${address}/score`, {}, { everyMs });
  if (!data) return <span className="faint">–</span>;
  return <span className={data.score < weakBelow ? 'num wait' : 'num'}>{data.score}</span>;
}

/** The formula, opened. */
export function ReputationPanel({ address }: { readonly address: string }) {
  const path = `/v1/providers/${address}/score`;
  const asked = useMarket<'providerScore'>(path, {}, { everyMs: 5_000 });
  return (
    <Panel
      title="Reputation"
      note="1000 while nothing speaks against it"
      end={<Source path={`${path}?explain=1`}>signed evidence</Source>}
      padded
    >
      <Loaded asked={asked}>{(score) => <Formula score={score} />}</Loaded>
    </Panel>
  );
}

function Formula({ score: { score, inputs } }: { readonly score: Score }) {
  const { delivery, punctuality, honesty } = factorsOf(inputs);
  return (
    <div className="stack">
      <p className="formula">
        <strong>{score}</strong> = 1000 × <span title="delivery">{delivery.text}</span> ×{' '}
        <span title="punctuality">{punctuality.text}</span> ×{' '}
        <span title="honesty">{honesty.text}</span>
      </p>
      <Facts
        rows={[
          [
            'Delivery',
            `${inputs.delivered} delivered, ${inputs.broken} broken: ${delivery.value.toFixed(3)}`,
          ],
          [
            'Punctuality',
            `${inputs.deadlineHits} first tokens in time, ${inputs.deadlineMisses} late: ${punctuality.value.toFixed(3)}`,
          ],
          [
            'Honesty',
            `${inputs.auditsPassed} audits passed, ${inputs.auditsFailed} failed: ${honesty.value.toFixed(3)}`,
          ],
          ['Rests on', `${inputs.receipts} signed receipts of the last 64 reports`],
        ]}
      />
    </div>
  );
}
