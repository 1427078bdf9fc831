import { describe, expect, it } from 'vitest';
import { createTerminal } from '../testing/terminal.ts';
import { createScreen } from './screen.ts';

function screenOn(columns: number, rows = 24) {
  const terminal = createTerminal(columns, rows);
  const state = { lines: ['one', 'two', 'three'] };
  const screen = createScreen(terminal.stream, () => state.lines);
  return { terminal, state, screen };
}

describe('the screen', () => {
  it('is drawn in place, with one write for a picture', () => {
    const { terminal, state, screen } = screenOn(20);
    expect(terminal.shown()).toEqual(['one', 'two', 'three']);
    const writes = terminal.writes();
    state.lines = ['ONE', 'two'];
    screen.draw();
    expect(terminal.shown()).toEqual(['ONE', 'two']);
    screen.draw();
    expect(terminal.writes() - writes).toBe(1);
    screen.done();
  });

  it('lets other lines pass above it', () => {
    const { terminal, screen } = screenOn(20);
    screen.above(() => void terminal.stream.write('a log line\n'));
    screen.above(() => void terminal.stream.write('another\n'));
    expect(terminal.shown()).toEqual(['a log line', 'another', 'one', 'two', 'three']);
    screen.done();
    expect(terminal.shown()).toHaveLength(5);
    expect(terminal.isCursorShown()).toBe(true);
  });

  it('cuts lines to the width and the block to the height', () => {
    const { terminal, state, screen } = screenOn(10, 4);
    state.lines = ['0123456789abc', '\u001b[1mbold and long\u001b[22m', 'c', 'd', 'e'];
    screen.draw();
    expect(terminal.shown()).toEqual(['01234567…', 'bold and…']);
    screen.done();
  });

  it('finds its place again when the window becomes narrower', () => {
    const { terminal, state, screen } = screenOn(20);
    terminal.above('before');
    state.lines = ['0123456789012345678', 'short'];
    screen.draw();
    terminal.resize(10);
    screen.draw();
    expect(terminal.shown().filter((line) => line.includes('short'))).toHaveLength(1);
    expect(terminal.shown().at(-2)).toBe('01234567…');
    screen.done();
  });

  it('draws nothing without a terminal', () => {
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text) };
    const screen = createScreen(stream, () => ['one']);
    screen.above(() => written.push('line'));
    screen.draw();
    screen.done();
    expect(written).toEqual(['line']);
  });
});
