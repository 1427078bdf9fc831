/** Long names: short to see, whole to copy, linked to where they lead. */
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { shortId } from '../format/names.ts';

const copiedMs = 1_500;

/** Puts a text on the clipboard; nothing where the browser has none for pages, which is every plain HTTP but localhost. */
export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (value: string): Promise<void> => {
    await navigator.clipboard.writeText(value);
    setCopied(true);
    setTimeout(setCopied, copiedMs, false);
  };
  if (!isSecureContext) return null;
  return (
    <button type="button" className="copy" onClick={() => void copy(text)} title={`Copy ${what}`}>
      <span className="hidden-text">{copied ? 'Copied' : `Copy ${what} ${shortId(text)}`}</span>
      <svg
        width="13"
        height="13"
        viewBox="0 0 16 16"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
        aria-hidden="true"
      >
        {copied ? (
          <path d="m3 8.5 3.2 3.2L13 5" />
        ) : (
          <>
            <rect x="5.5" y="5.5" width="8" height="8" rx="1.6" />
            <path d="M10.5 3.2A1.6 1.6 0 0 0 9 2.2H3.8a1.6 1.6 0 0 0-1.6 1.6V9a1.6 1.6 0 0 0 1 1.5" />
          </>
        )}
      </svg>
    </button>
  );
}

/** Where an id leads. */
export type IdKind = 'account' | 'provider' | 'tx' | 'block' | 'channel' | 'job' | 'plain';

const places: Readonly<Record<Exclude<IdKind, 'plain'>, string>> = {
  account: '/explorer/account/$id',
  provider: '/providers/$id',
  tx: '/explorer/tx/$id',
  block: '/explorer/block/$id',
  channel: '/explorer/channel/$id',
  job: '/jobs/$id',
};

/** An id; `stretched` makes its link that of the whole row around it. */
export function Id({
  text,
  kind,
  isFull = false,
  stretched = false,
}: {
  readonly text: string;
  readonly kind: IdKind;
  readonly isFull?: boolean;
  readonly stretched?: boolean;
}) {
  const shown = isFull ? text : shortId(text);
  const body = (
    <span className="text" title={isFull ? undefined : text}>
      {shown}
    </span>
  );
  return (
    <span className={isFull ? 'id full' : 'id'}>
      {kind === 'plain' ? (
        body
      ) : (
        <Link to={places[kind]} params={{ id: text }} className={stretched ? 'row-link' : 'link'}>
          {body}
        </Link>
      )}
      <Copy text={text} what={kind === 'plain' ? 'text' : kind} />
    </span>
  );
}
