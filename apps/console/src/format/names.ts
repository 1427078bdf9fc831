/** Long names in short, and what a text that somebody looks for may be. */

/** `ait15h0c…5h50u` of an address, the beginning of a hash, everything else as it is. */
export function shortId(text: string): string {
  if (/^ait1/.test(text) && text.length > 20) return `${text.slice(0, 9)}…${text.slice(-5)}`;
  return text.length > 20 ? `${text.slice(0, 10)}…${text.slice(-4)}` : text;
}

/** What a text looks like: the kinds that the explorer may ask for, the likeliest first. */
export type SearchKind = 'height' | 'address' | 'hash' | 'model' | 'nothing';

/** The kind of a text that somebody looks for. */
export function kindOf(text: string): SearchKind {
  const wanted = text.trim().toLowerCase().replace(/^#/, '');
  if (wanted === '') return 'nothing';
  if (/^\d{1,15}$/.test(wanted)) return 'height';
  if (/^ait1[a-z0-9]{20,}$/.test(wanted)) return 'address';
  if (/^(0x)?[0-9a-f]{64}$/.test(wanted)) return 'hash';
  return 'model';
}

/** A kind of transactions in words: `channel_claim` → `channel claim`. */
export function kindText(kind: string): string {
  return kind.replaceAll('_', ' ');
}
