/** What a reader makes of a journal whose last write is unreadable. */
import { agreementWindow } from '@aitbc/consensus';
import type { Vote } from '@aitbc/protocol';
import type { Disk } from '../engine/disk.ts';

/** A round: nothing is signed in its epoch up to its view, and nothing in older epochs. */
export interface Silence {
  readonly epoch: number;
  readonly view: number;
}

/**
 * Makes the last durable write unreadable. The journal's marks know how far its votes went; one of them may
 * be gone too, so the silence goes a window further.
 */
export function tearJournal(
  journal: Disk<{ readonly votes: readonly Vote[] }>,
  before: Silence | undefined,
): Silence {
  let highest: Silence = before ?? { epoch: 0, view: 0 };
  for (const { epoch, view } of journal.records.flatMap(({ votes }) => votes)) {
    const isLater = epoch > highest.epoch || (epoch === highest.epoch && view > highest.view);
    if (isLater) highest = { epoch, view };
  }
  journal.tear();
  return { epoch: highest.epoch, view: highest.view + agreementWindow };
}
