/** One question, its answer by whoever delivered it, and its bill. */
import { Link } from '@tanstack/react-router';
import { Fragment } from 'react';
import { shortId } from '../../format/names.ts';
import { spanText } from '../../format/times.ts';
import { Badge, Money } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import type { Stretch, Turn } from './use-chat.ts';

/** A turn. */
export function TurnView({ turn, gateway }: { readonly turn: Turn; readonly gateway: string }) {
  const { question, stretches, state, fault } = turn;
  const several = stretches.length > 1;
  return (
    <article className="turn" data-state={state}>
      <p className="question">{question}</p>
      <div className="answer">
        {stretches.map((stretch, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: stretches are only added at the end
          <Fragment key={at}>
            {stretch.moved && <MovedMark stretch={stretch} />}
            <span className={several ? `stretch by-${Math.min(at, 3)}` : 'stretch'}>
              {stretch.text}
            </span>
          </Fragment>
        ))}
        {state === 'asking' && <span className="soft">Looking for the best offer</span>}
        {state === 'answering' && <span className="caret" aria-hidden="true" />}
      </div>
      {several && <Shares stretches={stretches} />}
      {fault && (
        <p className="bad" role="alert">
          {fault.message} <code>{fault.code}</code>
        </p>
      )}
      <BillLine turn={turn} gateway={gateway} />
    </article>
  );
}

function MovedMark({ stretch: { provider, moved } }: { readonly stretch: Stretch }) {
  return (
    <span className="moved" data-testid="moved">
      <span>
        {shortId(moved?.from ?? '')} is gone; {shortId(provider)} goes on after{' '}
        {spanText(moved?.gapMs ?? 0)}
      </span>
    </span>
  );
}

function Shares({ stretches }: { readonly stretches: readonly Stretch[] }) {
  return (
    <ul className="shares">
      {stretches.map(({ provider, text }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: stretches are only added at the end
        <li key={at}>
          <span className={`swatch by-${Math.min(at, 3)}`} />
          <Id text={provider} kind="provider" /> delivered {text.length} characters
        </li>
      ))}
    </ul>
  );
}

function BillLine({ turn, gateway }: { readonly turn: Turn; readonly gateway: string }) {
  const { bill, firstTokenMs, durationMs, state, finish, jobId, stretches } = turn;
  const [first] = stretches;
  if (state === 'asking') return null;
  return (
    <footer className="bill">
      {bill && (
        <span data-testid="bill">
          <Money nait={bill.charged} /> for {bill.outputTokens} tokens and a prompt of{' '}
          {bill.promptTokens}
        </span>
      )}
      {state === 'answering' && <span className="soft">paying by the window</span>}
      {state === 'stopped' && <Badge tone="wait">stopped, paid to where it came</Badge>}
      {state === 'failed' && <Badge tone="bad">failed</Badge>}
      {firstTokenMs !== undefined && (
        <span className="soft num">first token {spanText(firstTokenMs)}</span>
      )}
      {durationMs !== undefined && <span className="soft num">{spanText(durationMs)} in all</span>}
      {finish === 'length' && <span className="soft">cut at the length you chose</span>}
      {first && stretches.length === 1 && first.provider !== '' && (
        <Id text={first.provider} kind="provider" />
      )}
      {jobId !== undefined && state !== 'answering' && (
        <>
          <Link className="link" to="/jobs/$id" params={{ id: jobId }}>
            Timeline
          </Link>
          <Link className="link" to="/receipt" search={{ job: jobId, from: gateway } as never}>
            Verify its receipt
          </Link>
        </>
      )}
    </footer>
  );
}
