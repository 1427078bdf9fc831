/** Steps below one another, each linked to what proves it. Many windows are folded. */
import { useState } from 'react';
import { clockText } from '../../format/times.ts';
import { Id } from '../../parts/ids.tsx';
import type { Step } from './timeline-steps.ts';

const windowsShown = 3;

/** A timeline. */
export function Timeline({ steps }: { readonly steps: readonly Step[] }) {
  const [isOpen, setOpen] = useState(false);
  const shown = isOpen ? steps : steps.filter((step, at) => !isFolded(steps, step, at));
  const hidden = steps.length - shown.length;
  return (
    <>
      <ol className="timeline">
        {shown.map((step) => (
          <li key={step.key} data-tone={step.tone}>
            <h3>
              {step.title}
              {step.atMs !== undefined && <span className="when">{clockText(step.atMs)}</span>}
            </h3>
            <p className="detail">{step.detail}</p>
            {step.provider !== undefined && <Id text={step.provider} kind="provider" />}
            {step.channelId !== undefined && (
              <p className="detail">
                settles on channel <Id text={step.channelId} kind="channel" />
              </p>
            )}
          </li>
        ))}
      </ol>
      {hidden > 0 && (
        <button type="button" className="plain-button" onClick={() => setOpen(true)}>
          Show {hidden} more windows
        </button>
      )}
    </>
  );
}

/** Windows in the middle of a long row of them. */
function isFolded(steps: readonly Step[], step: Step, at: number): boolean {
  if (!step.key.startsWith('receipt-')) return false;
  const before = steps.slice(Math.max(0, at - windowsShown), at);
  return before.length === windowsShown && before.every(({ key }) => key.startsWith('receipt-'));
}
