import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Vote, VoteKind } from '@aitbc/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFaultyDisk, type FaultyDisk, PowerCut } from '../../testing/faulty-disk.ts';
import {
  batchOf,
  bodyOf,
  certificateOf,
  finalize,
  freshDisk,
  hashOf,
  notarize,
  note,
  onDisk,
  silentIn,
  voteOf,
  votesIn,
} from '../../testing/journal-kit.ts';
import { createJournal, openJournal } from './journal.ts';

describe('the journal on a real disk', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aitbc-journal-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const options = () => ({ folder, segmentBytes: 32_768 });

  it('gives votes and bodies back after it was closed', async () => {
    await createJournal(options());
    const journal = await openJournal(options());
    expect([journal.condition, votesIn(journal)]).toEqual(['whole', []]);
    await journal.append(notarize(1));
    const votes = [voteOf('finalize', 1), voteOf('notarize', 2)];
    await journal.append({ votes, bodies: [], certificates: [certificateOf(1)] });
    await journal.close();
    const again = await openJournal(options());
    expect(votesIn(again)).toEqual([
      voteOf('notarize', 1),
      voteOf('finalize', 1),
      voteOf('notarize', 2),
    ]);
    expect([...again.content().bodies]).toEqual([[hashOf(1), bodyOf(1).bytes]]);
    expect(again.content().certificates).toEqual([certificateOf(1)]);
    expect(silentIn(again, 0)).toBe(0);
    await again.close();
  });

  it('keeps its size while segment after segment is filled', async () => {
    await createJournal(options());
    const journal = await openJournal(options());
    for (let view = 1; view <= 100; view += 1) {
      await journal.append(notarize(view));
      await journal.append(finalize(view));
      journal.forget({ epoch: 0, view, height: view });
    }
    await journal.append(notarize(101));
    await journal.close();
    const final = { epoch: 0, view: 100, height: 100 };
    const again = await openJournal({ ...options(), final });
    expect(votesIn(again)).toEqual([voteOf('notarize', 101)]);
    expect(again.content().bodies.has(hashOf(101))).toBe(true);
    expect(again.condition).toBe('whole');
    await again.close();
    for (const name of ['journal-0', 'journal-1']) {
      expect(statSync(join(folder, name)).size).toBe(32_768);
    }
  });

  it('makes room for needed bodies that do not fit into one segment', async () => {
    await createJournal(options());
    const journal = await openJournal(options());
    const votes = Array.from({ length: 10 }, (_, index) => voteOf('notarize', index + 1));
    for (const vote of votes) {
      await journal.append(batchOf([vote], [bodyOf(vote.view, 20_000)]));
    }
    await journal.close();
    const again = await openJournal(options());
    expect(votesIn(again)).toEqual(votes);
    expect(again.content().bodies.size).toBe(10);
    await again.close();
  });

  it('is made once, and only for a key that has never voted', async () => {
    const missing = await openJournal(options());
    expect([missing.condition, silentIn(missing, 7)]).toEqual(['lost', Infinity]);
    await missing.close();
    await expect(createJournal(options())).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('a lost journal', () => {
  it('stays lost until it is told how long to observe', async () => {
    const disk = createFaultyDisk();
    await (await onDisk(disk)).close();
    const lost = await onDisk(disk);
    expect(lost.condition).toBe('whole');
    expect(silentIn(lost, 12)).toBe(Infinity);
    await expect(lost.append(notarize(1))).rejects.toMatchObject({ code: 'INTERNAL' });
    await lost.append({ votes: [], bodies: [], certificates: [certificateOf(9)] });
    await lost.resume(5);
    const again = await onDisk(disk);
    expect([3, 4, 5].map((epoch) => silentIn(again, epoch))).toEqual([Infinity, Infinity, 0]);
    await again.append(batchOf([voteOf('notarize', 1, { epoch: 5 })]));
    await expect(again.resume(5)).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('may go on above a round when its validator is alone', async () => {
    const lone = await onDisk(createFaultyDisk());
    await lone.resumeAbove({ epoch: 2, view: 300 });
    await expect(lone.append(batchOf([voteOf('notarize', 300, { epoch: 2 })]))).rejects.toThrow();
    await lone.append(batchOf([voteOf('notarize', 301, { epoch: 2 })]));
    expect(silentIn(lone, 2)).toBe(300);
  });

  it.each([
    ['one file is gone', (disk: FaultyDisk) => disk.remove('journal-0')],
    ['the newest file is gone', (disk: FaultyDisk) => disk.remove('journal-1')],
    [
      'both marks of a file are gone',
      (disk: FaultyDisk) => {
        const bytes = Uint8Array.from(disk.content('journal-1'));
        disk.replace('journal-1', bytes.fill(0, 0, 8_192));
      },
    ],
  ])('is what is left when %s', async (_, damage) => {
    const disk = await freshDisk();
    const journal = await onDisk(disk);
    await journal.append(notarize(1));
    damage(disk);
    expect(silentIn(await onDisk(disk), 0)).toBe(Infinity);
  });

  it('is what an older copy of one file makes of it', async () => {
    const disk = await freshDisk();
    const old = disk.content('journal-1');
    const journal = await onDisk(disk);
    await journal.append(notarize(1));
    await (await onDisk(disk)).close();
    await (await onDisk(disk)).close();
    disk.replace('journal-1', old);
    expect((await onDisk(disk)).condition).toBe('lost');
  });
});

describe('the guard of the journal', () => {
  const contradictions: readonly (readonly [string, Vote, Vote])[] = [
    ['two blocks', voteOf('notarize', 4), voteOf('notarize', 4, { block: 9 })],
    ['nullify after finalize', voteOf('finalize', 4), voteOf('nullify', 4)],
    ['finalize after nullify', voteOf('nullify', 4), voteOf('finalize', 4)],
  ];

  it.each(contradictions)(
    'refuses %s in one round, also after a restart',
    async (_, first, second) => {
      const disk = await freshDisk();
      const journal = await onDisk(disk);
      const both = batchOf([first, second]);
      await expect(journal.append(both)).rejects.toMatchObject({ code: 'INTERNAL' });
      await journal.append(batchOf([first]));
      const batch = batchOf([second]);
      await expect(journal.append(batch)).rejects.toMatchObject({ code: 'INTERNAL' });
      const again = await onDisk(disk);
      await expect(again.append(batch)).rejects.toMatchObject({ code: 'INTERNAL' });
      await again.append(batchOf([first]));
      expect(votesIn(again)).toEqual([first]);
    },
  );

  it('allows notarize and then nullify, and the same round in another epoch', async () => {
    const journal = await onDisk(await freshDisk());
    const votes = [
      voteOf('notarize', 4),
      voteOf('nullify', 4),
      voteOf('finalize', 4, { epoch: 1 }),
    ];
    await journal.append(batchOf(votes));
    expect(votesIn(journal)).toHaveLength(2);
    expect(votesIn(journal, 1)).toHaveLength(1);
  });

  it('refuses votes in rounds whose votes it has forgotten', async () => {
    const journal = await onDisk(await freshDisk());
    await journal.append(notarize(3));
    journal.forget({ epoch: 0, view: 5, height: 3 });
    expect([votesIn(journal), journal.content().bodies.size]).toEqual([[], 0]);
    expect(silentIn(journal, 0)).toBe(5);
    await expect(journal.append(notarize(5))).rejects.toMatchObject({ code: 'INTERNAL' });
    await journal.append(notarize(6));
  });

  it('takes nothing more after a write that failed', async () => {
    const disk = await freshDisk();
    const journal = await onDisk(disk);
    disk.cutPowerAt(disk.operations() + 2);
    await expect(journal.append(notarize(1))).rejects.toThrow(PowerCut);
    await expect(journal.append(notarize(2))).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('never lets two contradicting votes through, whatever is asked and forgotten', async () => {
    const kind = fc.constantFrom<VoteKind>('notarize', 'nullify', 'finalize');
    const number = fc.integer({ min: 1, max: 4 });
    const action = fc.oneof(
      { weight: 8, arbitrary: fc.record({ kind, view: number, block: number }) },
      { weight: 1, arbitrary: fc.record({ forget: number }) },
      { weight: 1, arbitrary: fc.record({ reopen: fc.constant(true) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const disk = await freshDisk();
        let journal = await onDisk(disk);
        const cast = new Map<string, string>();
        for (const step of actions) {
          if ('reopen' in step) journal = await onDisk(disk);
          else if ('forget' in step) journal.forget({ epoch: 0, view: step.forget, height: 0 });
          else {
            const vote = voteOf(step.kind, step.view, { block: step.block });
            const taken = await journal.append(batchOf([vote])).then(
              () => true,
              () => false,
            );
            if (taken) note(cast, vote);
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});
