/**
 * Why the rest of the time was idle. Only the provider's own daemon knows, and it answers no web page; so its owner drops
 * what `aitbc ai earnings --json` printed, and nothing leaves the browser.
 */
import type { OutputOf, providerOwnerEndpoints } from '@aitbc/protocol';
import { useState } from 'react';
import { spanText } from '../../format/times.ts';
import { Panel } from '../../parts/panel.tsx';
import { Empty } from '../../parts/states.tsx';

type Earnings = OutputOf<(typeof providerOwnerEndpoints)['earnings']>;

/** Shares of time by reason, from a file of the owner. */
export function IdleReasons() {
  const [earnings, setEarnings] = useState<Earnings>();
  const [fault, setFault] = useState<string>();
  const take = async (file: File | undefined): Promise<void> => {
    const found = file && earningsIn(await file.text());
    setEarnings(found);
    setFault(found || !file ? undefined : 'This is not what `aitbc ai earnings --json` prints.');
  };
  return (
    <Panel
      title="Idle reasons"
      note="how the time was spent, from your own daemon"
      padded={earnings !== undefined}
    >
      {earnings ? (
        <Bars earnings={earnings} />
      ) : (
        <Empty title="Known to the provider alone">
          <p>
            Its daemon answers no web page. Save what it says and choose the file; nothing leaves
            this browser.
          </p>
          <pre>aitbc ai earnings --days 7 --json {'>'} earnings.json</pre>
          <label className="plain-button">
            Choose earnings.json
            <input
              type="file"
              className="hidden-text"
              accept=".json,application/json"
              onChange={({ target }) => void take(target.files?.[0])}
            />
          </label>
          {fault !== undefined && (
            <p className="bad" role="alert">
              {fault}
            </p>
          )}
        </Empty>
      )}
    </Panel>
  );
}

function Bars({ earnings: { use, days, now } }: { readonly earnings: Earnings }) {
  const byReason = new Map<string, number>();
  for (const { reason, ms } of use) byReason.set(reason, (byReason.get(reason) ?? 0) + ms);
  const total = [...byReason.values()].reduce((sum, ms) => sum + ms, 0) || 1;
  const rows = [...byReason].sort(([, a], [, b]) => b - a);
  return (
    <div className="stack">
      <p className="soft">
        The last {days} days; now: {now.replaceAll('_', ' ')}.
      </p>
      <ul className="bars">
        {rows.map(([reason, ms]) => (
          <li key={reason}>
            <span>{reason.replaceAll('_', ' ')}</span>
            <meter min={0} max={total} value={ms} aria-label={`${reason}: ${spanText(ms)}`} />
            <span className="num">
              {spanText(ms)}, {Math.round((100 * ms) / total)} %
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function earningsIn(text: string): Earnings | undefined {
  try {
    const value = JSON.parse(text) as Partial<Earnings>;
    const isGood =
      Array.isArray(value.use) &&
      value.use.every(({ ms, reason }) => typeof ms === 'number' && typeof reason === 'string');
    return isGood && typeof value.now === 'string' ? (value as Earnings) : undefined;
  } catch {
    return undefined;
  }
}
