import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createOut, plainText } from './out.ts';

const escapeCode = '\u001b';

function outWith(options: { isTTY: boolean; json?: boolean }) {
  const written = { stdout: '', stderr: '' };
  const streamOf = (name: 'stdout' | 'stderr') => ({
    isTTY: options.isTTY,
    columns: 20,
    write(text: string) {
      written[name] += text;
    },
  });
  const out = createOut({
    json: options.json ?? false,
    stdout: streamOf('stdout'),
    stderr: streamOf('stderr'),
    colors: true,
  });
  return { out, written };
}

describe('output', () => {
  it('is one JSON value with --json: amounts are decimal strings, all other text is left out', () => {
    const { out, written } = outWith({ isTTY: true, json: true });
    out.line('a line');
    out.stream().write('some text');
    out.result({ amount: 10n ** 18n }, () => 'for people');
    expect(written).toEqual({ stdout: '{\n  "amount": "1000000000000000000"\n}\n', stderr: '' });
    out.event({ n: 1n }, () => '');
    expect(written.stdout.endsWith('\n{"n":"1"}\n')).toBe(true);
    out.result({ error: { code: 'CANCELLED' } }, () => '');
    expect(written.stdout.endsWith('\n{"n":"1"}\n{"error":{"code":"CANCELLED"}}\n')).toBe(true);
  });

  it('has columns, with colours on a terminal only', () => {
    const rows = [
      ['a', '1'],
      ['long', '22'],
    ];
    const options = { head: ['name', 'n'], right: [1] };
    expect(outWith({ isTTY: false }).out.table(rows, options)).toBe(
      ['name   n', 'a      1', 'long  22'].join('\n'),
    );
    const painted = outWith({ isTTY: true }).out.table(rows, options);
    expect(painted).toContain(escapeCode);
    expect(stripVTControlCharacters(painted)).toBe('name   n\na      1\nlong  22');
  });

  it('breaks sentences between words on a terminal, and leaves them whole elsewhere', () => {
    const sentence = 'No provider offers nope now.';
    for (const isTTY of [true, false]) {
      const { out, written } = outWith({ isTTY });
      out.note(sentence);
      out.result({}, () => sentence);
      const shown = isTTY ? 'No provider offers\nnope now.\n' : `${sentence}\n`;
      expect(written).toEqual({ stdout: shown, stderr: shown });
    }
  });

  it('passes on a stream as it comes without a terminal, and ends its last line once', () => {
    const { out, written } = outWith({ isTTY: false });
    const stream = out.stream();
    for (const piece of ['a long sentence ', 'that stays', ' on one line']) stream.write(piece);
    expect(written.stdout).toBe('a long sentence that stays on one line');
    stream.end();
    expect(written.stdout.endsWith('line\n')).toBe(true);
    const ended = outWith({ isTTY: false });
    const other = ended.out.stream();
    other.write('done\n');
    other.end();
    expect(ended.written.stdout).toBe('done\n');
  });

  it('moves a line on the standard error of a terminal only, cut to its width', () => {
    const quiet = outWith({ isTTY: false });
    const none = quiet.out.progress('working');
    none.update('more');
    none.done();
    expect(quiet.written).toEqual({ stdout: '', stderr: '' });
    const { out, written } = outWith({ isTTY: true });
    const line = out.progress('x'.repeat(50));
    line.above(() => out.line('between'));
    line.done();
    line.done();
    expect(written.stdout).toBe('between\n');
    expect(written.stderr).toContain(` ${'x'.repeat(14)}${'\r'}`);
    expect(written.stderr.endsWith('\r\u001b[2K')).toBe(true);
  });

  it('lets no control character of others through', () => {
    const evil = `a${escapeCode}[2Jb\r\u009b31m\u0007c\td\n`;
    expect(plainText(evil)).toBe('a[2Jb31mc\td\n');
    const { out, written } = outWith({ isTTY: false });
    out.stream().write(evil);
    expect(written.stdout + out.table([[evil]])).not.toMatch(/(?![\n\t])\p{Cc}/u);
  });
});
