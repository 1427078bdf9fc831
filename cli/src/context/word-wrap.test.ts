import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textWidth } from './text-width.ts';
import { createWordWrap, wrapText } from './word-wrap.ts';

function streamed(pieces: readonly string[], columns: number, lead = ''): string {
  let text = '';
  const wrap = createWordWrap({ write: (piece) => (text += piece), columns: () => columns, lead });
  for (const piece of pieces) wrap.write(piece);
  wrap.end();
  return text;
}

describe('the width of a text', () => {
  it('counts columns of the terminal: two for wide signs, none for marks and escape codes', () => {
    expect(['abc', '日本', 'e\u0301', '🙂', '\u001b[31mred\u001b[0m', '…'].map(textWidth)).toEqual([
      3, 4, 1, 2, 3, 1,
    ]);
  });
});

describe('a stream', () => {
  it('breaks between words, also when a word arrives in pieces', () => {
    const pieces = ['The xCr', 'eate met', 'hod', ' regist', 'ers'];
    expect(streamed(pieces, 12)).toBe('The xCreate\nmethod\nregisters\n');
  });

  it('shows a word as soon as it cannot grow any more', () => {
    let text = '';
    const wrap = createWordWrap({ write: (piece) => (text += piece), columns: () => 80 });
    wrap.write('one tw');
    expect(text).toBe('one');
    wrap.write('o ');
    expect(text).toBe('one two');
    wrap.write('語');
    expect(text).toBe('one two 語');
  });

  it('follows a terminal that is resized in the middle', () => {
    let text = '';
    let columns = 20;
    const wrap = createWordWrap({ write: (piece) => (text += piece), columns: () => columns });
    wrap.write('aaaa bbbb cccc ');
    columns = 9;
    wrap.write('dddd eeee ffff');
    wrap.end();
    expect(text).toBe('aaaa bbbb cccc\ndddd eeee\nffff\n');
  });

  it('keeps empty lines and the indent of code, and puts the lead in front of every line', () => {
    expect(streamed(['a\n\n    code'], 40)).toBe('a\n\n    code\n');
    expect(streamed(['a b\n\nc'], 4, '| ')).toBe('| a\n| b\n|\n| c\n');
  });

  it('never loses or adds a word, and fills no line beyond its width', () => {
    const words = fc.array(fc.stringMatching(/^[a-z語🙂]{1,9}$/u), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(words, fc.integer({ min: 18, max: 60 }), (list, columns) => {
        const text = list.join(' ');
        const shown = streamed(text.match(/.{1,3}/gsu) ?? [], columns);
        expect(shown.replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
        for (const line of shown.split('\n')) expect(textWidth(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

describe('a whole text', () => {
  it('hangs below its first line, and a line that begins with a space stays whole', () => {
    expect(wrapText('one two three', 9, '  ')).toBe('one two\n  three');
    const command = '  aitbc ai results 0123456789 --wait';
    expect(wrapText(`Its result:\n${command}`, 12)).toBe(`Its result:\n${command}`);
  });
});
