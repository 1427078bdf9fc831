/** What stands where data is not: not yet, none, refused, or not offered here. */
import type { ReactNode } from 'react';
import { type CallError, offlineCode } from '../data/call-json.ts';
import type { Asked } from '../data/hooks.ts';

/** Quiet bars while something is on its way. */
export function Waiting({ what = 'Loading' }: { readonly what?: string }) {
  return (
    <div className="waiting" role="status">
      <span className="hidden-text">{what}</span>
      <i />
      <i />
      <i />
    </div>
  );
}

/** Nothing here, and what to do about it. */
export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ReactNode;
}) {
  return (
    <div className="state" data-state="empty">
      <h3>{title}</h3>
      {children !== undefined && <div className="soft stack">{children}</div>}
    </div>
  );
}

/** A call that failed. */
export function Failed({
  error,
  onRetry,
}: {
  readonly error: CallError;
  readonly onRetry?: () => void;
}) {
  const { title, text } = wordsOf(error);
  return (
    <div className="state" data-state="error" role="alert">
      <h3>{title}</h3>
      <p>{text}</p>
      <p className="faint">
        <code>{error.code}</code>
      </p>
      {onRetry && (
        <button type="button" className="plain-button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

function wordsOf({ code, status, message }: CallError): { title: string; text: string } {
  if (code === offlineCode) {
    return {
      title: 'Nobody answers',
      text: `${message} What is shown may be old; it is asked again.`,
    };
  }
  if (status === 404 && code === 'NOT_FOUND') {
    return {
      title: 'Not offered by this coordinator',
      text: 'It runs a version without this part.',
    };
  }
  if (code.endsWith('_UNKNOWN') || code === 'NOT_FOUND')
    return { title: 'Not found', text: message };
  return { title: 'That did not work', text: message };
}

/** Shows an answer, or how it stands with it. */
export function Loaded<T>({
  asked,
  children,
  isEmpty,
  empty,
}: {
  readonly asked: Asked<T>;
  readonly children: (data: T) => ReactNode;
  readonly isEmpty?: (data: T) => boolean;
  readonly empty?: ReactNode;
}) {
  const { data, error, refetch } = asked;
  if (data !== undefined) return isEmpty?.(data) ? empty : children(data);
  if (error) return <Failed error={error} onRetry={() => void refetch()} />;
  return <Waiting />;
}
