import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { textWidth } from '../context/text-width.ts';
import { createNarrator } from './narrator.ts';

function told(output: { columns?: number }, colour = false): string {
  let text = '';
  let nowMs = 0;
  const write = (piece: string) => (text += piece);
  const say = createNarrator({ ...output, write }, { colour, nowMs: () => nowMs });
  nowMs = 1_250;
  say.act('Offers are ranked');
  say.fact('the provider earned 10,600 nait, less 1,100 nait for its claim: 9,500 more', true);
  for (const piece of ['Some wor', 'ds that ', 'arrive ', 'in pieces']) say.stream(piece);
  say.endStream();
  say.aside('kept in a file whose name is not short at all and needs another line');
  say.command('ask', 'aitbc ai ask "What is a view?" --home /a/very/long/home/folder/of/somebody');
  return text;
}

describe('the narrator', () => {
  it('fills no line beyond the terminal but the commands, which are for copying', () => {
    for (const columns of [40, 60, 80, 200]) {
      const lines = told({ columns }).split('\n');
      const long = lines.filter((line) => textWidth(line) > Math.min(columns, 96));
      expect(long.filter((line) => !line.includes('aitbc ai ask'))).toEqual([]);
    }
  });

  it('numbers the acts, with the time since the start at the right', () => {
    expect(told({ columns: 40 }).split('\n').slice(1, 5)).toEqual([
      ' 1  Offers are ranked              1.3 s',
      '    ✓ the provider earned 10,600 nait,',
      '      less 1,100 nait for its claim:',
      '      9,500 more',
    ]);
  });

  it('has colours only where it may, and the same text with and without', () => {
    expect(told({ columns: 80 })).not.toContain('\u001b');
    const coloured = told({ columns: 80 }, true);
    expect(coloured).toContain('\u001b');
    expect(stripVTControlCharacters(coloured)).toBe(told({ columns: 80 }));
  });
});
