/** One alert: what it says, of whom, on what evidence; whoever runs the coordinator may close it. */
import { useState } from 'react';
import { CallError, callJson } from '../../data/call-json.ts';
import type { MarketOutput } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { counted } from '../../format/times.ts';
import { Ago, Badge, type Tone } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';

type Alert = MarketOutput<'listAlerts'>['alerts'][number];

const tones: Readonly<Record<Alert['level'], Tone>> = {
  low: 'plain',
  medium: 'wait',
  high: 'bad',
  critical: 'bad',
};
const evidenceShown = 6;

/** An alert. */
export function AlertView({
  alert,
  token,
  onClosed,
}: {
  readonly alert: Alert;
  readonly token: string;
  readonly onClosed: () => void;
}) {
  const { level, pattern, text, subjects, confidence, atMs, note, status } = alert;
  return (
    <article className="alert">
      <header>
        <Badge tone={tones[level]}>{level}</Badge>
        <strong>{pattern.replaceAll('-', ' ')}</strong>
        <span className="soft">{confidence} % sure</span>
        <span className="alert-end">
          <Ago atMs={atMs} />
        </span>
      </header>
      <p>{text}</p>
      <ul className="badges">
        {subjects.map(({ role, address }) => (
          <li key={role + address}>
            <span className="soft">{role}</span>{' '}
            <Id text={address} kind={role === 'provider' ? 'provider' : 'account'} />
          </li>
        ))}
      </ul>
      <Evidence alert={alert} />
      {status !== 'open' && note !== '' && <p className="soft">Closed: {note}</p>}
      {status === 'open' && token !== '' && (
        <Close id={alert.id} token={token} onClosed={onClosed} />
      )}
    </article>
  );
}

function Evidence({ alert: { evidence, thresholds } }: { readonly alert: Alert }) {
  const { txs, events } = evidence;
  const limits = Object.entries(thresholds).map(([name, value]) => `${name} ${grouped(value)}`);
  return (
    <details>
      <summary>
        Evidence: {counted(txs.length, 'transaction')}, {counted(events.length, 'event')}
      </summary>
      <ul className="badges">
        {txs.slice(0, evidenceShown).map((txId) => (
          <li key={txId}>
            <Id text={txId} kind="tx" />
          </li>
        ))}
        {txs.length > evidenceShown && (
          <li className="faint">and {txs.length - evidenceShown} more</li>
        )}
        {events.slice(0, evidenceShown).map((seq) => (
          <li key={seq}>
            <a
              className="link"
              href={`/v1/events?after=${seq - 1}&limit=1`}
              target="_blank"
              rel="noreferrer"
            >
              event {seq}
            </a>
          </li>
        ))}
        {events.length > evidenceShown && (
          <li className="faint">and {events.length - evidenceShown} more</li>
        )}
      </ul>
      {limits.length > 0 && <p className="faint">Thresholds: {limits.join(' · ')}</p>}
    </details>
  );
}

function Close({
  id,
  token,
  onClosed,
}: {
  readonly id: string;
  readonly token: string;
  readonly onClosed: () => void;
}) {
  const [fault, setFault] = useState<string>();
  const close = async (resolution: string): Promise<void> => {
    try {
      await callJson(`/v1/surveillance/alerts/${id}/resolve`, {
        body: { resolution, note: 'closed in the console' },
        token,
      });
      onClosed();
    } catch (error) {
      setFault(error instanceof CallError ? error.message : String(error));
    }
  };
  return (
    <div className="steps">
      <button type="button" className="plain-button" onClick={() => void close('resolved')}>
        Resolved
      </button>
      <button type="button" className="plain-button" onClick={() => void close('false_positive')}>
        False alarm
      </button>
      {fault !== undefined && (
        <span className="bad" role="alert">
          {fault}
        </span>
      )}
    </div>
  );
}
