/** The mailbox of this home: an inbox or an outbox over the coordinator of the context. */
import { base64, systemClock, textFromUtf8 } from '@aitbc/primitives';
import { addressOf, noLetter, type ReceivedLetter } from '@aitbc/protocol';
import { type Inbox, type Outbox, openInbox, openOutbox, silentLog } from '@aitbc/sdk';
import type { Context } from '../context/context.ts';
import type { Out } from '../context/out.ts';
import { lockPart } from './message-folder.ts';
import { messageKey } from './message-key.ts';

/** Uses the outbox, which no other process uses meanwhile. Letters that wait go out first. */
export async function withOutbox<T>(
  context: Context,
  use: (outbox: Outbox) => Promise<T>,
): Promise<T> {
  const keys = messageKey(context.home);
  const { node, coordinator } = await context.clients();
  const { network } = await node.network();
  const { store, release } = await lockPart(context.home, 'outbox');
  try {
    const deps = { network, keys, store, clock: systemClock, coordinator, carrier: undefined };
    const outbox = await openOutbox(deps);
    await outbox.flush(context.signal);
    return await use(outbox);
  } finally {
    release();
  }
}

/** Uses the inbox, which no other process uses meanwhile. */
export async function withInbox<T>(
  context: Context,
  onLetter: (letter: ReceivedLetter) => void,
  use: (inbox: Inbox) => Promise<T>,
): Promise<T> {
  const keys = messageKey(context.home);
  const { node, coordinator, transport } = await context.clients();
  const { network } = await node.network();
  const { store, release } = await lockPart(context.home, 'inbox');
  try {
    const inbox = await openInbox({
      ...{ network, keys, store, clock: systemClock, log: silentLog, transport, coordinator },
      ...{ coordinatorUrl: context.urls.coordinator, carrier: undefined, onLetter },
    });
    return await use(inbox);
  } finally {
    release();
  }
}

/** A letter as it is shown. `text` is null for bytes that are none. */
export interface ShownLetter {
  readonly id: string;
  readonly from: string;
  readonly timeMs: number;
  readonly contentType: string;
  readonly text: string | null;
  /** base64 */
  readonly payload: string;
  readonly replyTo: string | null;
  readonly missing: number;
}

/** A letter for standard output. */
export function shownLetter(letter: ReceivedLetter): ShownLetter {
  const { id, sender, timeMs, contentType, payload, replyTo, missing } = letter;
  return {
    ...{ id, from: addressOf(sender), timeMs, contentType },
    ...{ text: textOf(payload), payload: base64(payload), missing },
    replyTo: replyTo === noLetter ? null : replyTo,
  };
}

/** The letter for people. */
export function letterText(out: Out, letter: ShownLetter): string {
  const { id, from, timeMs, contentType, text, missing, replyTo } = letter;
  const time = new Date(timeMs).toISOString();
  const head = out.style('bold', `${from}  ${time}`);
  const lines = [head, out.style('dim', `letter ${id}`)];
  if (replyTo !== null) lines.push(out.style('dim', `answers ${replyTo}`));
  if (missing > 0) {
    const what = missing === 1 ? 'One letter' : `${missing} letters`;
    lines.push(out.style('yellow', `${what} before this one never came.`));
  }
  lines.push(text ?? `(${contentType}, ${letter.payload.length} signs of base64: see --json)`);
  return `${lines.join('\n')}\n`;
}

/** Text of a payload, null when it is none. */
export function textOf(payload: Uint8Array): string | null {
  try {
    return textFromUtf8(payload);
  } catch {
    return null;
  }
}
