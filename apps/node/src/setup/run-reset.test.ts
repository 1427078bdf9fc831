import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockFolder } from '../storage/folder-lock.ts';
import { runReset } from './run-reset.ts';

const chain = ['blocks.log', 'index'];
const journal = ['journal-0', 'journal-1'];
const keys = ['validator.key', 'genesis.json', 'admin.token'];

let folder: string;
let host: { out: string; err: string; exitCode: number };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aitbc-reset-'));
  host = { out: '', err: '', exitCode: 0 };
  for (const name of ['blocks.log', ...journal, ...keys]) writeFileSync(join(folder, name), 'x');
  mkdirSync(join(folder, 'index'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const reset = (...words: string[]) =>
  runReset(words, {
    stdout: { write: (text: string) => (host.out += text) },
    stderr: { write: (text: string) => (host.err += text) },
    set exitCode(code: number) {
      host.exitCode = code;
    },
  });
const left = () => [...chain, ...journal, ...keys].filter((name) => existsSync(join(folder, name)));

it('deletes the chain and keeps keys and votes', async () => {
  await reset('--reset', folder);
  expect(JSON.parse(host.out)).toEqual({ deleted: chain });
  expect(left()).toEqual([...journal, ...keys]);
});

it('deletes the votes too when it is told to', async () => {
  await reset('--reset', folder, '--all');
  expect(JSON.parse(host.out)).toEqual({ deleted: [...chain, ...journal] });
  expect(left()).toEqual(keys);
});

it('deletes nothing while a node uses the folder', async () => {
  const unlock = await lockFolder(folder);
  await reset('--reset', folder);
  await unlock();
  expect(host).toMatchObject({ exitCode: 2, err: expect.stringContaining('another node uses') });
  expect(left()).toEqual([...chain, ...journal, ...keys]);
});

it('deletes nothing for words it does not know', async () => {
  for (const words of [
    ['--reset'],
    ['--reset', folder, '--some'],
    ['--reset', folder, '--all', 'x'],
  ]) {
    host.err = '';
    await reset(...words);
    expect(host.err).toContain('usage');
  }
  await reset('--reset', join(folder, 'none'));
  expect(host.err).toContain('does not exist');
  expect(left()).toEqual([...chain, ...journal, ...keys]);
});
