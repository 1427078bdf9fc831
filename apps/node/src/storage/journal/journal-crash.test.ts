import { agreementWindow } from '@aitbc/consensus';
import type { Vote } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { type FaultyDisk, PowerCut } from '../../testing/faulty-disk.ts';
import {
  batchOf,
  bodyOf,
  certificateOf,
  covers,
  freshDisk,
  note,
  onDisk,
  silentIn,
  voteOf,
  votesIn,
} from '../../testing/journal-kit.ts';

describe('a damaged journal', () => {
  /** A journal with votes of three epochs, one of them in the last, and all votes. */
  async function filled(): Promise<{ disk: FaultyDisk; votes: Vote[] }> {
    const disk = await freshDisk();
    const journal = await onDisk(disk);
    const votes: Vote[] = [];
    for (const [epoch, view] of [
      [0, 7],
      [0, 8],
      [1, 1],
      [1, 2],
    ] as const) {
      const vote = voteOf('notarize', view, { epoch });
      const last = voteOf('finalize', view, { epoch });
      await journal.append(batchOf([vote], [bodyOf(view, 100)]));
      await journal.append(batchOf([last]));
      votes.push(vote, last);
    }
    // The newest mark is in the second slot, and the first one does not know of the newest epoch.
    await journal.append({ votes: [], bodies: [], certificates: [certificateOf(9)] });
    const newest = voteOf('nullify', 1, { epoch: 2 });
    await journal.append(batchOf([newest]));
    return { disk, votes: [...votes, newest] };
  }

  async function assertCovered(disk: FaultyDisk, votes: readonly Vote[], what: string) {
    const journal = await onDisk(disk);
    const forgotten = votes.filter((vote) => !covers(journal, vote));
    if (forgotten.length > 0) expect.fail(`${what}: ${JSON.stringify(forgotten)}`);
    const reopened = await onDisk(disk);
    expect(
      votes.every((vote) => covers(reopened, vote)),
      `${what}, opened again`,
    ).toBe(true);
    return journal;
  }

  /** Every byte of marks and records, and each 64th of the empty pages between and behind them. */
  function* bytesOf(whole: Uint8Array): Generator<number> {
    for (let at = 0; at < whole.length; at += 1) {
      const isNear = whole.subarray(Math.max(0, at - 32), at + 32).some((byte) => byte !== 0);
      if (isNear || at % 64 === 0) yield at;
    }
  }

  it('forgets no vote without silence after a cut at any byte of any file', async () => {
    const { disk, votes } = await filled();
    for (const name of ['journal-0', 'journal-1']) {
      const whole = disk.content(name);
      for (const size of bytesOf(whole)) {
        const cut = disk.copy();
        cut.replace(name, whole.slice(0, size));
        await assertCovered(cut, votes, `${name} cut at ${size}`);
        if (size % 64 === 0) await assertCovered(cut, votes, `${name} cut at ${size}, read again`);
      }
    }
  });

  it('forgets no vote without silence after a flip of any byte of any file', async () => {
    const { disk, votes } = await filled();
    for (const name of ['journal-0', 'journal-1']) {
      const whole = disk.content(name);
      for (const at of bytesOf(whole)) {
        const flipped = disk.copy();
        const bytes = Uint8Array.from(whole);
        bytes[at] = (bytes[at] as number) ^ 0x5a;
        flipped.replace(name, bytes);
        await assertCovered(flipped, votes, `${name} flipped at ${at}`);
        if (at % 64 === 0)
          await assertCovered(flipped, votes, `${name} flipped at ${at}, read again`);
      }
    }
  });

  it('forgets no vote without silence when whole sectors go back to zero', async () => {
    const { disk, votes } = await filled();
    for (const name of ['journal-0', 'journal-1']) {
      const whole = disk.content(name);
      for (let at = 0; at < whole.length; at += 512) {
        const damaged = disk.copy();
        damaged.replace(name, Uint8Array.from(whole).fill(0, at, at + 512));
        await assertCovered(damaged, votes, `${name} without the sector at ${at}`);
      }
    }
  });

  it('is silent through its last round only when both marks are readable', async () => {
    const { disk, votes } = await filled();
    const bytes = Uint8Array.from(disk.content('journal-0'));
    const end = bytes.findLastIndex((byte) => byte !== 0);
    bytes[end] = (bytes[end] as number) ^ 1;
    disk.replace('journal-0', bytes);
    const journal = await assertCovered(disk, votes, 'last record');
    expect(journal.condition).toBe('damaged');
    expect([1, 2, 3].map((epoch) => silentIn(journal, epoch))).toEqual([Infinity, 1, 0]);
    await journal.append(batchOf([voteOf('notarize', 2, { epoch: 2 })]));
  });

  it('is silent a window longer when a mark is gone', async () => {
    const { disk, votes } = await filled();
    const bytes = Uint8Array.from(disk.content('journal-0'));
    disk.replace('journal-0', bytes.fill(0, 4_096, 4_608));
    const journal = await assertCovered(disk, votes, 'one mark');
    expect(silentIn(journal, 2)).toBe(1 + agreementWindow);
    expect(votesIn(journal, 1)).toHaveLength(4);
  });
});

describe('a power cut', () => {
  /** One validator's life until the disk stops answering; the votes it used and what it forgot. */
  async function live(disk: FaultyDisk, used: Map<string, string>, salt: number) {
    const kept: Vote[] = [];
    let forgotten = 0;
    try {
      const journal = await onDisk(disk);
      const start = Math.max(0, silentIn(journal, 0), ...votesIn(journal).map((v) => v.view));
      if (start === Infinity) return { kept, forgotten, lost: true };
      for (let view = start + 1; view <= start + 8; view += 1) {
        const block = view * 10 + salt;
        const vote = voteOf('notarize', view, { block });
        await journal.append(batchOf([vote], [bodyOf(block, 1_500)]));
        note(used, vote);
        kept.push(vote);
        const second = voteOf(view % 3 === 0 ? 'nullify' : 'finalize', view, { block });
        await journal.append(batchOf([second]));
        note(used, second);
        kept.push(second);
        if (view % 4 !== 0) continue;
        forgotten = view - 1;
        journal.forget({ epoch: 0, view: forgotten, height: 0 });
      }
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
    }
    return { kept, forgotten, lost: false };
  }

  /** What is left of one batch of ten votes when its sectors, then its mark, survive or not. */
  async function afterBatchOfTen(survives: readonly boolean[]): Promise<FaultyDisk> {
    const disk = await freshDisk();
    const journal = await onDisk(disk);
    disk.cutPowerAt(disk.operations() + 3);
    const votes = Array.from({ length: 10 }, (_, at) => voteOf('notarize', at + 1));
    await expect(journal.append(batchOf(votes))).rejects.toThrow(PowerCut);
    const left = [...survives];
    return disk.crash(() => left.shift() === true);
  }

  it('leaves a batch as a whole or not at all', async () => {
    const half = await onDisk(await afterBatchOfTen([true, true, false, false]));
    expect([half.condition, votesIn(half)]).toEqual(['whole', []]);
    const whole = await onDisk(await afterBatchOfTen([true, true, true, false]));
    expect([whole.condition, votesIn(whole).length]).toEqual(['whole', 10]);
    const marked = await onDisk(await afterBatchOfTen([false, true, true, true]));
    expect([marked.condition, silentIn(marked, 0)]).toEqual(['damaged', 10]);
  });

  it('leaves nothing that a later batch could be continued with', async () => {
    const disk = await afterBatchOfTen([false, true, true, false]);
    await (await onDisk(disk)).close();
    const journal = await onDisk(disk); // fills the file again in which the end of the batch still stands
    const votes = [1, 2, 3, 4].map((view) => voteOf('notarize', view, { block: 77 }));
    await journal.append(batchOf(votes));
    expect(votesIn(await onDisk(disk))).toEqual(votes);
  });

  const keeps: readonly (readonly [string, (seed: number) => () => boolean])[] = [
    ['nothing', () => () => false],
    ['everything', () => () => true],
    [
      'some sectors',
      (seed) => {
        let state = seed + 1;
        return () => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
          return (state >>> 16) % 2 === 0;
        };
      },
    ],
  ];

  it.each(keeps)(
    'at any operation forgets no used vote when %s of the unsynced survives',
    async (name, keep) => {
      const start = await freshDisk();
      let silences = 0;
      for (let operation = 1, finished = false; !finished; operation += 1) {
        const disk = start.copy();
        disk.cutPowerAt(operation);
        const used = new Map<string, string>();
        const first = await live(disk, used, 1);
        finished = disk.operations() < operation;
        const after = disk.crash(keep(operation));
        const journal = await onDisk(after.copy());
        for (const vote of first.kept) expect(covers(journal, vote), `${operation}`).toBe(true);
        if (journal.condition === 'whole') {
          const named = first.kept.filter((v) => v.kind === 'notarize' && v.view > first.forgotten);
          for (const vote of named) expect(journal.content().bodies.has(vote.blockHash)).toBe(true);
        } else silences += 1;
        expect(journal.condition).not.toBe('lost');
        // A second life with other blocks contradicts nothing, wherever the power goes again.
        after.cutPowerAt(1 + (operation % 37));
        const second = await live(after, used, 2);
        expect(second.lost).toBe(false);
        const last = await onDisk(after.crash(keep(operation + 1)));
        for (const vote of second.kept) expect(covers(last, vote)).toBe(true);
      }
      if (name !== 'some sectors') expect(silences).toBe(0);
    },
  );
});
