/** What a transaction says, field by field: amounts as money, names as links, the rest as it is. */
import type { ReactNode } from 'react';
import { amountText } from '../../format/amounts.ts';
import { kindText, shortId } from '../../format/names.ts';
import { counted } from '../../format/times.ts';
import { Money } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';

const moneyNames = /amount|fund|bond|reward|stake|max|claimed|claimable|fee$|deposit/i;
const digits = /^\d{1,40}$/;
const nestedShown = 20;

/** One line for a list. */
export function bodyText({
  kind,
  body,
}: {
  readonly kind: string;
  readonly body: Record<string, unknown>;
}): ReactNode {
  const { amount, to, receiver, rows, operations, allocations } = body;
  const parts: string[] = [];
  if (typeof amount === 'string') parts.push(amountText(amount));
  const whom = to ?? receiver;
  if (typeof whom === 'string') parts.push(`to ${shortId(whom)}`);
  if (Array.isArray(rows)) parts.push(`pays ${counted(rows.length, 'channel')}`);
  if (Array.isArray(operations)) parts.push(counted(operations.length, 'operation'));
  if (Array.isArray(allocations) && allocations.length > 0)
    parts.push(counted(allocations.length, 'channel'));
  return parts.length > 0 ? parts.join(' ') : <span className="faint">{kindText(kind)}</span>;
}

/** All fields. */
export function BodyFields({ body }: { readonly body: Record<string, unknown> }) {
  const entries = Object.entries(body);
  if (entries.length === 0) return <p className="soft">It has no fields of its own.</p>;
  return (
    <dl className="facts">
      {entries.map(([name, value]) => (
        <div key={name} className="facts-row">
          <dt>{wordsOf(name)}</dt>
          <dd>
            <Value name={name} value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Value({ name, value }: { readonly name: string; readonly value: unknown }): ReactNode {
  if (Array.isArray(value)) return <List name={name} values={value} />;
  if (typeof value === 'object' && value !== null) {
    return <BodyFields body={value as Record<string, unknown>} />;
  }
  const text = String(value);
  if (/^ait1/.test(text)) return <Id text={text} kind="account" />;
  if (name === 'channelId') return <Id text={text} kind="channel" />;
  if (/^[0-9a-f]{32,}$/.test(text)) return <Id text={text} kind="plain" />;
  if (moneyNames.test(name) && digits.test(text) && typeof value === 'string')
    return <Money nait={text} />;
  return <span className="num">{text === '' ? 'empty' : text}</span>;
}

function List({ name, values }: { readonly name: string; readonly values: readonly unknown[] }) {
  if (values.length === 0) return <span className="faint">none</span>;
  return (
    <ol className="nested">
      {values.slice(0, nestedShown).map((value, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a list of a transaction never changes
        <li key={at}>
          <Value name={name} value={value} />
        </li>
      ))}
      {values.length > nestedShown && (
        <li className="faint">and {values.length - nestedShown} more</li>
      )}
    </ol>
  );
}

/** `maxClaimable` → `max claimable`. */
function wordsOf(name: string): string {
  const words = name.replace(/([A-Z])/g, ' $1').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
