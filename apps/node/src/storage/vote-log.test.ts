import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { viewWindow } from '@aitbc/consensus';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoggedVote, openVoteLog, readVoteLog } from './vote-log.ts';

let folder: string;
const path = () => join(folder, 'votes.log');
const recordBytes = 64;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aitbc-votes-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const vote = (view: number, kind: LoggedVote['kind'] = 'notarize'): LoggedVote => ({
  kind,
  view,
  blockHash: view.toString(16).padStart(64, '0'),
  validator: 0,
});

async function logOf(views: readonly number[]): Promise<void> {
  const log = await openVoteLog({ folder, recordCount: 64 });
  for (const view of views) await log.append([vote(view), vote(view, 'finalize')]);
  await log.close();
}

describe('the vote log', () => {
  it('starts empty, with its full size on disk', async () => {
    const log = await openVoteLog({ folder, recordCount: 64 });
    expect(log.votedView).toBe(0);
    expect(statSync(path()).size).toBe(64 * recordBytes);
    await log.close();
  });

  it('remembers the highest view and every vote', async () => {
    await logOf([1, 2, 3]);
    const log = await openVoteLog({ folder, recordCount: 64 });
    expect(log.votedView).toBe(3);
    await log.append([vote(4)]);
    await log.close();
    const { votes, torn } = readVoteLog(path());
    expect(torn).toBe(false);
    expect(votes.slice(1).map(({ view, kind }) => `${view}${kind[0]}`)).toEqual([
      '1n',
      '1f',
      '2n',
      '2f',
      '3n',
      '3f',
      '4n',
    ]);
    expect(votes[1]).toEqual(vote(1));
  });

  it('does not grow while it is written', async () => {
    await logOf([1, 2, 3, 4, 5]);
    expect(statSync(path()).size).toBe(64 * recordBytes);
  });

  it('goes on in a new file when it is full and keeps the old one', async () => {
    const views = Array.from({ length: 80 }, (_, index) => index + 1);
    await logOf(views);
    expect(existsSync(join(folder, 'votes.old'))).toBe(true);
    const log = await openVoteLog({ folder, recordCount: 64 });
    expect(log.votedView).toBe(80);
    await log.close();
  });

  it('finds its view when a crash came between the two renames', async () => {
    await logOf([1, 2, 7]);
    writeFileSync(join(folder, 'votes.old'), readFileSync(path()));
    rmSync(path());
    const log = await openVoteLog({ folder, recordCount: 64 });
    expect(log.votedView).toBe(7);
    await log.close();
  });

  it('stays silent for a whole window after a cut at any byte of the last record', async () => {
    await logOf([1, 2]);
    const whole = readFileSync(path());
    const last = 4 * recordBytes;
    for (let cut = last; cut < last + recordBytes; cut += 1) {
      writeFileSync(path(), whole);
      rmSync(join(folder, 'votes.old'), { force: true });
      truncateSync(path(), cut);
      const { votes, torn } = readVoteLog(path());
      expect(votes).toHaveLength(4);
      // Cut between two records, nothing is half there; the file is still too short to be a whole log.
      const log = await openVoteLog({ folder, recordCount: 64 });
      if (cut > last) expect(torn).toBe(true);
      expect(log.votedView).toBeGreaterThanOrEqual(cut > last ? 2 + viewWindow : 2);
      await log.close();
    }
  });

  it('stays silent for a whole window after a flip of any byte of the last record', async () => {
    await logOf([1, 2]);
    const whole = readFileSync(path());
    const last = 4 * recordBytes;
    for (let at = last; at < last + recordBytes; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 0x5a;
      writeFileSync(path(), damaged);
      rmSync(join(folder, 'votes.old'), { force: true });
      expect(readVoteLog(path()).votes).toHaveLength(4);
      const log = await openVoteLog({ folder, recordCount: 64 });
      expect(log.votedView).toBe(2 + viewWindow);
      await log.close();
      const again = await openVoteLog({ folder, recordCount: 64 });
      expect(again.votedView).toBeGreaterThanOrEqual(2 + viewWindow);
      await again.close();
    }
  });
});
