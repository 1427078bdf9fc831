import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { commandsBelow } from '../command/command-tree.ts';
import { ownLevel } from '../command/own-commands.ts';
import { createTestHome } from '../testing/run-words.ts';
import { outputs, schemaPage } from './outputs.ts';

const home = createTestHome();
afterAll(() => home.remove());
const { run } = home;

it('every command has a schema of what it prints, and every schema a command', () => {
  const commands = commandsBelow(ownLevel()).map(({ path }) => path.join(' '));
  expect(Object.keys(outputs).sort()).toEqual(commands.sort());
});

it('docs/schemas.json has them all; node scripts/pages/schemas-page.mjs writes it after a build', () => {
  const page = readFileSync(new URL('../../../docs/schemas.json', import.meta.url), 'utf8');
  expect(page).toBe(schemaPage());
});

it('aitbc schema shows one, that of errors, and all', async () => {
  const send = await run(['schema', 'wallet', 'send']);
  const schema = JSON.parse(send.stdout) as { required: string[]; $schema: string };
  expect(schema.required).toContain('txId');
  expect(schema.$schema).toContain('2020-12');
  const failed = await run(['schema', 'walet', 'send', '--json']);
  const { error } = JSON.parse(failed.stdout) as { error: { message: string } };
  expect([failed.exitCode, error.message]).toEqual([
    2,
    expect.stringContaining('(Did you mean wallet send?)'),
  ]);
  const errors = JSON.parse((await run(['schema', 'error'])).stdout) as { required: string[] };
  expect(errors.required).toEqual(['error']);
  const all = JSON.parse((await run(['schema'])).stdout) as { commands: object };
  expect(Object.keys(all.commands)).toEqual(Object.keys(outputs).sort());
});

it('a plugin may bring its own', async () => {
  const dir = join(home.dir, 'plugins');
  mkdirSync(dir);
  const text = (output: string) => `export default { summary: 'S', async run() {}, ${output} };`;
  writeFileSync(join(dir, 'told.mjs'), text(`output: { type: 'string' }`));
  writeFileSync(join(dir, 'silent.mjs'), text(''));
  const told = await run(['schema', 'told', '--plugin-dir', dir]);
  expect(JSON.parse(told.stdout)).toEqual({ type: 'string' });
  const silent = await run(['schema', 'silent', '--plugin-dir', dir]);
  expect([silent.exitCode, silent.stderr]).toEqual([2, expect.stringContaining('has no schema')]);
});
