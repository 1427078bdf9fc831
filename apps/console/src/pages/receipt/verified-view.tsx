/** What a verified proof shows: each check, who delivered what, and what was due. */
import { grouped } from '../../format/amounts.ts';
import { Badge, Facts, Money } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Settlement } from './settlement.tsx';
import type { Verified } from './verify-proof.ts';

/** The result. */
export function VerifiedView({ verified }: { readonly verified: Verified }) {
  if (!verified.ok) {
    return (
      <Panel title="Result">
        <div className="verdict" data-verdict="refused" role="alert">
          <Badge tone="bad">refused</Badge>
          <strong>This proof does not hold</strong>
          <p>{verified.reason}</p>
        </div>
      </Panel>
    );
  }
  const { job, checks } = verified;
  return (
    <div className="stack">
      <Panel title="Result">
        <div className="verdict" data-verdict="holds">
          <Badge tone="good">holds</Badge>
          <strong>
            {grouped(job.outputTokens)} output tokens for <Money nait={job.charged} />
          </strong>
          <p>
            from a prompt of {grouped(job.promptTokens)} tokens, outcome {job.outcome}
          </p>
        </div>
        <ul className="checks">
          {checks.map(({ name, holds, detail }) => (
            <li key={name}>
              <span className={`dot ${holds ? 'good' : 'wait'}`} />
              <span>
                <strong>{name}</strong> {detail}
              </span>
            </li>
          ))}
        </ul>
      </Panel>
      {job.parts.map((part, at) => (
        <Panel
          key={part.offerId + String(part.from)}
          title={job.parts.length > 1 ? `Part ${at + 1}` : 'Provider'}
          padded
        >
          <Facts
            rows={[
              ['Provider', <Id key="provider" text={part.provider} kind="provider" />],
              ['Model', part.offer.model],
              ['Output tokens', `${part.from} to ${part.to}`],
              ['Charged', <Money key="charged" nait={part.charged} />],
              ['Outcome', part.outcome],
              ['Receipts', String(part.receipts.length)],
              ['On chain', <Settlement key="settled" part={part} />],
            ]}
          />
        </Panel>
      ))}
    </div>
  );
}
