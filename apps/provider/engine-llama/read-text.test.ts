import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measureText, Unreadable } from './read-text.mjs';

/** Tokens of the toy model; one is the end, one is a control token without text, two are halves of é. */
const vocabulary = [
  ...['<end>', '', '_', 'T', 'E', 'N', '_T', 'EN', 'TE', 'TEN', 'X', 'in', 'k', 'ink', 'f', 'ace'],
  ...['i', 'n', 'the', 'ory', 'theory', 'é', 'first half', 'second half', 'a', 'b', 'ab', 'z'],
];
const bytesOf = (word: string): Buffer => {
  if (word === '<end>') return Buffer.alloc(0);
  if (word === 'first half') return Buffer.from('é').subarray(0, 1);
  return word === 'second half' ? Buffer.from('é').subarray(1) : Buffer.from(word);
};
const idOf = (word: string) => vocabulary.indexOf(word);
const wordsMatched = vocabulary
  .filter((word) => word !== '' && word !== '<end>' && !word.includes('half'))
  .sort((one, other) => other.length - one.length);
const base = 1_000;

/** The tokenizer: the longest word each time. */
function cut(text: string): number[] {
  const word = wordsMatched.find((one) => text.startsWith(one));
  if (text === '') return [];
  if (!word) throw new Error(`no word for ${text}`);
  return [idOf(word), ...cut(text.slice(word.length))];
}

const model = {
  isEogToken: (token: number) => token === 0,
  detokenize: (ids: readonly number[]) =>
    new TextDecoder().decode(Buffer.concat(ids.map((id) => bytesOf(vocabulary[id] ?? '')))),
};

/** What the toy model may write: words in order, each with its gap. */
type Path = readonly (string | readonly [word: string, gap: number])[];
interface Asked {
  readonly generateNext: { readonly token?: boolean; readonly probabilities?: boolean };
}

/** A sequence of a model that writes one of the paths, and `z` where it is on none of them. */
function createSequence(paths: readonly Path[]) {
  let read: number[] = [];
  const counts = { tokens: 0, calls: 0 };
  const rowAfter = (ids: readonly number[]): Map<number, number> => {
    const gaps = new Map<number, number>([[idOf('z'), 8]]);
    for (const path of paths) {
      const words = path.map((step) => (typeof step === 'string' ? ([step, 0] as const) : step));
      if (ids.some((id, at) => id !== idOf(words[at]?.[0] ?? 'none'))) continue;
      const [word, gap] = words[ids.length] ?? ['<end>', 0];
      gaps.set(idOf(word), Math.min(gap, gaps.get(idOf(word)) ?? gap));
    }
    const sorted = [...gaps].sort(([, one], [, other]) => one - other);
    return new Map(sorted.map(([id, gap]) => [id, Math.exp(-gap)]));
  };
  return {
    counts,
    get nextTokenIndex() {
      return read.length;
    },
    async eraseContextTokenRanges([range]: readonly { start: number; end: number }[]) {
      expect(range?.end).toBe(read.length);
      read = read.slice(0, range?.start);
    },
    async controlledEvaluate(items: readonly (number | readonly [number, Asked])[]) {
      counts.calls += 1;
      return items.map((item) => {
        const [token, asked] = typeof item === 'number' ? [item, undefined] : item;
        expect(token === base).toBe(read.length === 0);
        read.push(token);
        counts.tokens += 1;
        const row = rowAfter(read.slice(1));
        const probabilities = asked?.generateNext.probabilities ? row : undefined;
        return asked && { next: { token: [...row.keys()][0], probabilities } };
      });
    },
  };
}

async function measured(text: string, paths: readonly Path[], more: object = {}) {
  const sequence = createSequence(paths);
  const job = { cancelled: false };
  const subject = { model, sequence, base, text, cut, job, stops: [], before: [], room: 4_000 };
  return { measure: await measureText({ ...subject, ...more }), counts: sequence.counts };
}

const exact = (tokens: number) => ({
  ...{ tokens, exactTokens: tokens, gapMeanMicro: 0, gapMaxMicro: 0 },
});

describe('reading a text as the tokens of a model', () => {
  it('takes one pass for what the model wrote in the words of the tokenizer', async () => {
    const { measure, counts } = await measured('finkface', [['f', 'ink', 'f', 'ace']]);
    expect(measure).toEqual(exact(4));
    expect(counts).toEqual({ tokens: 4, calls: 1 });
  });

  it('finds every text exact that the model writes, however it cuts it', async () => {
    const words = vocabulary.filter((word) => word !== '' && word !== '<end>' && word.length < 5);
    const paths = fc.array(fc.constantFrom(...words), { maxLength: 90 });
    await fc.assert(
      fc.asyncProperty(paths, async (path) => {
        const { measure } = await measured(path.join(''), [path]);
        expect(measure).toEqual(exact(path.length));
      }),
    );
  });

  it('finds characters in halves and tokens without text', async () => {
    const halves: Path = ['a', 'first half', 'second half', 'b'];
    expect((await measured('aéb', [halves])).measure).toEqual(exact(4));
    expect((await measured('aéb', [['a', '', 'é', '', 'b']])).measure).toEqual(exact(5));
  });

  it('costs a near tie no more than its gap, whichever token was taken', async () => {
    const tie = { gapMaxMicro: 10_000, exactTokens: 2, tokens: 3 };
    // The tokenizer's token, another one than the best of the model.
    const first = [
      ['f', 'ace'],
      ['f', ['ink', 0.01], 'T'],
    ] as const;
    expect((await measured('finkT', first)).measure).toMatchObject(tie);
    // Neither the tokenizer's nor the best.
    const second = [
      ['f', 'ace'],
      ['f', ['in', 0.01], 'k'],
    ] as const;
    expect((await measured('fink', second)).measure).toMatchObject(tie);
    // The tokenizer's is the best, another one was taken, and it shows only later.
    const third = [
      ['f', 'ink', 'X'],
      ['f', ['in', 0.01], 'k', 'a'],
    ] as const;
    const late = { ...tie, exactTokens: 3, tokens: 4 };
    expect((await measured('finka', third)).measure).toMatchObject(late);
  });

  it('shows what the model would not have written, and does not look for long', async () => {
    const { measure } = await measured('fab', [['f', 'ace']]);
    expect(measure?.gapMaxMicro).toBeGreaterThan(7_000_000);
    const long = 'ab_TENink'.repeat(150);
    const far = await measured(long, [['z']]);
    expect(far.measure?.tokens).toBe(cut(long).length);
    expect(far.measure?.exactTokens).toBe(0);
    expect(far.counts.tokens).toBeLessThan(3 * cut(long).length);
  });

  it('takes the beginning of a token for all of it where a stop string ended the answer', async () => {
    const path: Path[] = [['f', 'theory']];
    expect((await measured('fthe', path, { stops: ['or'] })).measure).toEqual(exact(2));
    for (const stops of [[], ['ry'], ['the']]) {
      expect((await measured('fthe', path, { stops })).measure?.gapMaxMicro).toBeGreaterThan(0);
    }
  });

  it('reads as much as there is room for', async () => {
    const path = Array.from({ length: 300 }, () => 'ink');
    const { measure } = await measured(path.join(''), [path], { room: 100 });
    expect(measure).toEqual(exact(100));
  });

  it('says nothing of an answer whose job was cancelled, or that no token can write', async () => {
    const { measure } = await measured('ink', [['ink']], { job: { cancelled: true } });
    expect(measure).toBeUndefined();
    const odd = { ...model, detokenize: () => '?' };
    const reading = measured('inkink', [['ink']], { model: odd, room: 1 });
    await expect(reading).rejects.toThrow(Unreadable);
  });

  it('measures nothing of an empty answer', async () => {
    expect((await measured('', [['ink']])).measure).toEqual(exact(0));
  });
});
