import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createTestHome } from '../testing/run-words.ts';
import { readLines, textOf, withSetting } from './toml-lines.ts';

const home = createTestHome();
afterAll(() => home.remove());
const { run } = home;
const dir = join(home.dir, '.config', 'aitbc');
const file = join(dir, 'config.toml');

function write(text: string): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(file, text);
}

async function get(name: string, words: string[] = [], env: Record<string, string> = {}) {
  const { stdout } = await run(['config', 'get', name, '--json', ...words], { env });
  return JSON.parse(stdout) as { value: string | null; source: string };
}

describe('config', () => {
  it('is a file that set and unset change line by line, with its comments', async () => {
    write('# mine\nmodel = "qwen3:8b" # small\n\naccount = \'ann\'\n');
    expect(await run(['config', 'set', 'account', 'bob "b"'])).toMatchObject({ exitCode: 0 });
    expect(await run(['config', 'set', 'no-color', 'true'])).toMatchObject({ exitCode: 0 });
    expect(await run(['config', 'unset', 'model'])).toMatchObject({ exitCode: 0 });
    const text = '# mine\n\naccount = "bob \\"b\\""\nno-color = true\n';
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(await get('account')).toEqual({
      name: 'account',
      value: 'bob "b"',
      source: 'config',
    });
    const again = await run(['config', 'unset', 'model']);
    expect(again.stdout).toContain('model is not in');
  });

  it('stands behind flag and variable, and before the standard', async () => {
    write('node-url = "http://10.0.0.1:1"\n');
    const name = 'node-url';
    const env = { AITBC_NODE_URL: 'http://10.0.0.2:2' };
    const flag = ['--node-url', 'http://10.0.0.3:3'];
    expect(await get(name, flag, env)).toMatchObject({ value: flag[1], source: 'flag' });
    expect(await get(name, [], env)).toMatchObject({
      value: env.AITBC_NODE_URL,
      source: 'variable',
    });
    expect(await get(name)).toMatchObject({ value: 'http://10.0.0.1:1', source: 'config' });
    write('');
    expect(await get(name)).toMatchObject({ value: 'http://127.0.0.1:8006', source: 'standard' });
    expect(await get('model')).toMatchObject({ value: null, source: 'unset' });
  });

  it('is what commands use', async () => {
    write('node-url = "http://127.0.0.1:9"\nno-color = true\nplugin-dir = "more"\n');
    mkdirSync(join(dir, 'more'), { recursive: true });
    writeFileSync(
      join(dir, 'more', 'here.mjs'),
      `export default {
      summary: 'Here', run: async ({ out, env }) => out.result({ dir: env.AITBC_PLUGIN_DIR }, () => ''),
    };`,
    );
    const asked = await run(['chain', 'status', '--json']);
    expect(JSON.parse(asked.stdout)).toMatchObject({
      error: { facts: { what: 'http://127.0.0.1:9' } },
    });
    expect((await run(['wallet'], { isTty: true })).stdout).not.toContain('\u001b');
    const said = await run(['here', '--json']);
    expect(JSON.parse(said.stdout)).toEqual({ dir: join(dir, 'more') });
  });

  it('lies in the home folder where one is named, so that a home brings its own', async () => {
    write('model = "usual"\n');
    const other = join(home.dir, 'other');
    await run(['config', 'set', 'model', 'theirs', '--home', other]);
    expect(await get('model', ['--home', other])).toMatchObject({ value: 'theirs' });
    expect(await get('model', [], { AITBC_HOME: other })).toMatchObject({ value: 'theirs' });
    expect(await get('model')).toMatchObject({ value: 'usual' });
    const { stdout } = await run(['config', 'path', '--home', other, '--json']);
    expect(JSON.parse(stdout)).toEqual({ file: join(other, 'config.toml'), exists: true });
  });

  it('names the nearest setting, and every value with its source', async () => {
    write('');
    const misspelt = await run(['config', 'set', 'node-ulr', 'http://x']);
    expect([misspelt.exitCode, misspelt.stderr]).toEqual([
      2,
      'Unknown setting "node-ulr". Did you mean "node-url"?\n',
    ]);
    const { stdout } = await run(['config', 'list']);
    expect(stdout).toMatch(/^node-url +http:\/\/127\.0\.0\.1:8006 +standard$/m);
    expect(stdout).toMatch(/^home +\S+\.aitbc +standard$/m);
  });

  it.each([
    ['model = 5', 'line 1 is no setting'],
    ['# x\n[model]', 'line 2 is no setting'],
    ['model = "a"\nmodel = "b"', 'line 2 sets model a second time'],
    ['node-url = "8006"', 'node-url is an address such as'],
    ['no-color = "perhaps"', 'no-color is true or false'],
    ['model = ""', 'model must not be empty'],
    ['modle = "a"', 'Did you mean "model"?'],
  ])('that is wrong (%s) stops every command but those that repair it', async (text, reason) => {
    write(text);
    const stopped = await run(['chain', 'status']);
    expect([stopped.exitCode, stopped.stderr]).toEqual([2, expect.stringContaining(reason)]);
    const listed = await run(['config', 'list']);
    expect([listed.exitCode, listed.stderr]).toEqual([0, expect.stringContaining(reason)]);
    expect(await run(['wallet', '--help'])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await run(['--version'])).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('keeps a value that is wrong out of the file', async () => {
    write('model = "a"\n');
    const wrong = await run(['config', 'set', 'wallet-url', 'localhost:8015', '--json']);
    expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: 'CONFIG_INVALID' } });
    expect(readFileSync(file, 'utf8')).toBe('model = "a"\n');
    write('modle = "a"\n');
    expect(await run(['config', 'unset', 'modle'])).toMatchObject({ exitCode: 0 });
    expect(readFileSync(file, 'utf8')).toBe('');
  });
});

it('any text that is set is read back, whatever signs it has', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.string(), (value, comment) => {
      const before = readLines(`# ${comment.replace(/[\r\n]/g, '')}\nmodel = 'x'`);
      if ('fault' in before) throw new Error(before.fault);
      const text = textOf(withSetting(before, 'account', { value, isBare: false }));
      const after = readLines(text);
      if ('fault' in after) throw new Error(after.fault);
      expect(after.find(({ name }) => name === 'account')?.value).toBe(value);
      expect(after).toHaveLength(3);
    }),
    { numRuns: 50 },
  );
});
