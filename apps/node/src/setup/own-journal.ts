/**
 * The journal of this node's votes, and what to do when there is none.
 *
 * A journal is begun once for a key, by `--init`, before it votes for the first time. A node that finds
 * none must not vote: its key may have voted before the folder was wiped. It observes until that cannot matter any
 * more. A validator that is alone in its network contradicts nobody; it goes on above what it can have signed.
 */
import { agreementWindow } from '@aitbc/consensus';
import { AppError, type BlockHeader } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import { createJournal, type Journal, openJournal } from '../storage/journal/journal.ts';

/** What decides. */
export interface OwnJournalOptions {
  readonly folder: string;
  readonly head: Pick<BlockHeader, 'height' | 'epoch' | 'view'>;
  readonly isAlone: boolean;
  readonly log: Log;
}

/** Opens the journal of a data folder. */
export async function openOwnJournal(options: OwnJournalOptions): Promise<Journal> {
  const { folder, head, isAlone, log } = options;
  const { height, epoch, view } = head;
  if (isAlone && height === 0) await beginJournal(folder);
  const journal = await openJournal({ folder, final: { height, epoch, view } });
  if (journal.condition !== 'lost') return journal;
  if (!isAlone) {
    log.warn(
      { folder },
      'no journal of votes: this node observes until its old votes cannot matter',
    );
    return journal;
  }
  log.warn(
    { folder },
    'the journal of votes was lost; this lone validator skips what it may have signed',
  );
  await journal.resumeAbove({ epoch, view: view + agreementWindow });
  return journal;
}

/** Begins the journal of a key that has never voted; one that is there stays as it is. */
export async function beginJournal(folder: string): Promise<void> {
  try {
    await createJournal({ folder });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'CONFIG_INVALID') throw error;
  }
}
