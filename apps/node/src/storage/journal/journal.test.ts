import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agreementWindow } from '@aitbc/consensus';
import {
  type Certificate,
  encodeHeader,
  type Vote,
  type VoteKind,
  voteKinds,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFaultyDisk, type FaultyDisk, PowerCut } from '../../testing/faulty-disk.ts';
import { createJournal, type Journal, openJournal } from './journal.ts';
import type { JournalBatch } from './kept.ts';
import { comparePositions } from './position.ts';
import type { JournalBody } from './record.ts';

const segmentBytes = 11_264; // two pages of marks and about 20 votes

const hashOf = (number: number): string => number.toString(16).padStart(64, '0');

function voteOf(kind: VoteKind, view: number, { epoch = 0, block = view } = {}): Vote {
  const blockHash = kind === 'nullify' ? hashOf(0) : hashOf(block);
  const signature = block.toString(16).padStart(128, 'a');
  return { kind, epoch, view, blockHash, validator: 3, signature };
}

/** A header at the height of the block's number, and more bytes. */
function bodyOf(block: number, sizeBytes = 900): JournalBody {
  const zero = hashOf(0);
  const roots = { txRoot: zero, stateRoot: zero, receiptRoot: zero, evidenceRoot: zero };
  const sets = { validatorsHash: zero, nextValidatorsHash: zero };
  const round = { height: block, epoch: 0, view: block, parent: zero, timeMs: 0, proposer: zero };
  const header = encodeHeader({ version: 1, chain: 7, ...round, ...roots, ...sets });
  const bytes = new Uint8Array(Math.max(header.length, sizeBytes)).fill(block);
  bytes.set(header);
  return { hash: hashOf(block), bytes };
}

const certificateOf = (view: number): Certificate => ({
  kind: voteKinds.notarize,
  epoch: 0,
  view,
  blockHash: hashOf(view),
  votes: [{ validator: 3, signature: 'b'.repeat(128) }],
});

/** Nothing may be signed in this view of the epoch or below. */
function silentIn(journal: Journal, epoch: number): number {
  const { silent } = journal.content();
  if (!silent) return 0;
  if (silent.type === 'lost' || epoch < silent.epoch) return Infinity;
  if (epoch > silent.epoch) return 0;
  return silent.view === Number.MAX_SAFE_INTEGER ? Infinity : silent.view;
}

const votesIn = (journal: Journal, epoch = 0): Vote[] =>
  journal.content().votes.filter((vote) => vote.epoch === epoch);

const onDisk = (disk: FaultyDisk) => openJournal({ folder: tmpdir(), segmentBytes, disk });

async function freshDisk(): Promise<FaultyDisk> {
  const disk = createFaultyDisk();
  await createJournal({ folder: tmpdir(), segmentBytes, disk });
  return disk;
}

const batchOf = (votes: readonly Vote[], bodies: readonly JournalBody[] = []): JournalBatch => ({
  votes,
  bodies,
  certificates: [],
});
const notarize = (view: number) => batchOf([voteOf('notarize', view)], [bodyOf(view)]);
const finalize = (view: number) => batchOf([voteOf('finalize', view)]);

function covers(journal: Journal, { epoch, view, kind, blockHash }: Vote): boolean {
  const { votes } = journal.content();
  const isSame = (vote: Vote) => vote.kind === kind && vote.blockHash === blockHash;
  if (silentIn(journal, epoch) >= view) return true;
  return votes.some((vote) => comparePositions(vote, { epoch, view }) === 0 && isSame(vote));
}

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

/** Notes a vote that was cast and fails when it contradicts an earlier one. */
function note(cast: Map<string, string>, { epoch, view, kind, blockHash }: Vote): void {
  const round = `${epoch}/${view}`;
  const before = cast.get(`${round}/${kind}`);
  expect(before ?? blockHash, `${kind} in ${round}`).toBe(blockHash);
  cast.set(`${round}/${kind}`, blockHash);
  expect(cast.has(`${round}/nullify`) && cast.has(`${round}/finalize`)).toBe(false);
}

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
