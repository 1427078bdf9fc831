import { describe, expect, it } from 'vitest';
import { tableText } from './table.ts';

const plain = (columns?: number) => ({ columns, title: (text: string) => text });
const head = ['label', 'address', 'balance'];
const rows = [
  ['main', 'ait1aaaa', '5 AIT'],
  ['a longer one', 'ait1b', '989.999999 AIT'],
];

describe('a table', () => {
  it('stands in columns, amounts with their points below each other', () => {
    expect(tableText(rows, { head, right: [2] }, plain()).split('\n')).toEqual([
      'label         address          balance',
      'main          ait1aaaa    5        AIT',
      'a longer one  ait1b     989.999999 AIT',
    ]);
  });

  it('becomes a block per row where the terminal is too narrow, and nothing is cut', () => {
    expect(tableText(rows, { head, right: [2] }, plain(30)).split('\n')).toEqual([
      'label    main',
      'address  ait1aaaa',
      'balance  5 AIT',
      '',
      'label    a longer one',
      'address  ait1b',
      'balance  989.999999 AIT',
    ]);
  });

  it('of facts wraps its last column, and paints only the names', () => {
    const style = { columns: 20, title: (text: string) => `<${text}>` };
    const facts = [
      ['name', 'a long sentence here'],
      ['id', 'x'],
    ];
    expect(tableText(facts, {}, style)).toBe('<name>  a long\n      sentence here\n<id>    x');
  });

  it('leaves columns alone that hold anything but amounts', () => {
    expect(tableText([['1.5'], ['0/4']], { right: [0] }, plain())).toBe('1.5\n0/4');
  });
});
