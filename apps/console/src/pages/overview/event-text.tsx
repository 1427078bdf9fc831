/** An event of the market in one line. */
import type { MarketEvent } from '@aitbc/protocol';
import { Link } from '@tanstack/react-router';
import { grouped, priceText } from '../../format/amounts.ts';
import { counted, spanText } from '../../format/times.ts';
import { Money } from '../../parts/figures.tsx';

/** What happened. */
export function EventText({ event: { facts } }: { readonly event: MarketEvent }) {
  switch (facts.kind) {
    case 'provider_in':
      return <>A provider came</>;
    case 'provider_out':
      return <>A provider left after {spanText(facts.heldMs)}</>;
    case 'offer_up':
      return (
        <>
          {facts.model} offered at {priceText(facts.outputPerMTok)} AIT per million tokens
        </>
      );
    case 'offer_down':
      return <>{facts.model} no longer offered</>;
    case 'receipt':
      return (
        <>
          <Link className="link" to="/jobs/$id" params={{ id: facts.jobId }}>
            {grouped(facts.outputTokens)} tokens
          </Link>{' '}
          of {facts.model} for <Money nait={facts.charged} />
        </>
      );
    case 'audit':
      return (
        <>
          <Link className="link" to="/jobs/$id" params={{ id: facts.jobId }}>
            Audit
          </Link>{' '}
          found {facts.verdict}
        </>
      );
    case 'capacity':
      return <>It serves {counted(facts.slots, 'answer')} at a time</>;
    case 'receipt_conflict':
      return (
        <span className="bad">
          Two receipts of{' '}
          <Link className="link" to="/jobs/$id" params={{ id: facts.jobId }}>
            one job
          </Link>{' '}
          contradict each other
        </span>
      );
    default:
      return <>Something new: {(facts as { kind: string }).kind}</>;
  }
}
