/** What a data folder's journal says that was signed, read as a stranger would. */
import type { Vote } from '@aitbc/protocol';
import { createDisk } from '../storage/disk.ts';
import { recordsOffset } from '../storage/journal/mark.ts';
import { readBatches } from '../storage/journal/record.ts';
import { readSegment, segmentName } from '../storage/journal/segment.ts';

/** Votes in both files of a journal. */
export async function journalVotes(folder: string): Promise<Vote[]> {
  const disk = createDisk(folder);
  const votes: Vote[] = [];
  for (const generation of [0, 1]) {
    const found = await readSegment(disk, segmentName(generation));
    if (!found?.mark) continue;
    const { items } = readBatches(found.all, recordsOffset, found.mark.first);
    votes.push(...items.flatMap((item) => (item.type === 'vote' ? [item.vote] : [])));
  }
  return votes;
}

/** Remembers votes over many reads; the contradicting ones are the answer, none for an honest node. */
export function createVoteWatch() {
  const signed = new Map<string, string>();
  return {
    count: () => signed.size,
    contradictions(votes: readonly Vote[]): string[] {
      return votes.flatMap(({ kind, epoch, view, blockHash }) => {
        const name = `${kind} ${epoch}.${view}`;
        const known = signed.get(name);
        signed.set(name, blockHash);
        return known === undefined || known === blockHash ? [] : [name];
      });
    },
  };
}
