import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createTestHome } from '../testing/run-words.ts';

const home = createTestHome();
afterAll(() => home.remove());
const { run } = home;
const usual = '.config/aitbc/plugins';

/** A command that says whom it greets, and leaves a mark when it is imported. */
const greeting = (mark: string) => `
  globalThis.${mark} = true;
  export default {
    summary: 'Greet somebody',
    arguments: [{ name: 'who', help: 'a name' }],
    options: { loud: { flags: '--loud', help: 'in capitals' } },
    examples: [{ line: 'aitbc greet Ada', note: 'says hello' }],
    async run({ out }, { args, options }) {
      const text = 'Hello ' + args.who;
      out.result({ text }, () => (options.loud ? text.toUpperCase() : text));
      return 3;
    },
  };`;

const manifest = (name: string, aitbc?: object) =>
  JSON.stringify({ name, version: '1.2.3', aitbc });

function folder(name: string, files: Readonly<Record<string, string>>): string {
  const dir = join(home.dir, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return dir;
}

interface Listed {
  readonly name: string;
  readonly commands: string[];
  readonly broken: { readonly file: string; readonly reason: string }[];
}

async function listed(words: string[] = []): Promise<Listed[]> {
  const { exitCode, stdout } = await run(['plugin', 'list', '--json', ...words]);
  expect(exitCode).toBe(0);
  return (JSON.parse(stdout) as { plugins: Listed[] }).plugins;
}

describe('plugins', () => {
  it('are commands like ours, found by their path, and only that file is imported', async () => {
    const dir = folder('good', {
      'greet.mjs': greeting('greetWasLoaded'),
      'other.mjs': greeting('otherWasLoaded'),
      'wallet/wave.mjs': greeting('waveWasLoaded'),
    });
    const said = await run(['greet', 'Ada', '--loud', '--plugin-dir', dir]);
    expect(said).toEqual({ exitCode: 3, stdout: 'HELLO ADA\n', stderr: '' });
    expect(globalThis).not.toHaveProperty('otherWasLoaded');
    const wave = await run(['wallet', 'wave', 'Bob', '--json'], { env: { AITBC_PLUGIN_DIR: dir } });
    expect(JSON.parse(wave.stdout)).toEqual({ text: 'Hello Bob' });
    expect((await run(['wallet', '--plugin-dir', dir])).stdout).toMatch(/wave +Greet somebody/);
    for (const mark of ['greetWasLoaded', 'waveWasLoaded'])
      Reflect.deleteProperty(globalThis, mark);
  });

  it('never take the place of a command or a group of ours, and are named for trying', async () => {
    const dir = folder('greedy', {
      'wallet/send.mjs': greeting('sendWasReplaced'),
      'up/deep.mjs': greeting('upWasReplaced'),
      'chain.mjs': greeting('chainWasReplaced'),
    });
    const wallet = await run(['wallet', '--plugin-dir', dir]);
    expect(wallet.stdout).toContain('Send coins');
    expect(wallet.stderr).toContain('send.mjs cannot be loaded: the name send is taken.');
    const top = await run(['--plugin-dir', dir]);
    expect(top.stderr.split('\n').filter((line) => line !== '')).toHaveLength(2);
    expect(top.stdout).toMatch(/^ {2}up +Start/m);
    expect((await run(['wallet', 'send', '-h', '--plugin-dir', dir])).stderr).toBe('');
    const reasons = (await listed(['--plugin-dir', dir])).flatMap(({ broken }) =>
      broken.map(({ reason }) => reason),
    );
    expect(reasons.sort()).toEqual([
      'the name chain is taken',
      'the name up deep is taken',
      'the name wallet send is taken',
    ]);
    expect(globalThis).not.toHaveProperty('sendWasReplaced');
  });

  it('are found in the usual folder without a flag', async () => {
    folder(usual, { 'usual.mjs': greeting('usualWasLoaded') });
    expect((await run(['usual', 'Eve'])).stdout).toBe('Hello Eve\n');
    Reflect.deleteProperty(globalThis, 'usualWasLoaded');
  });

  it('that are broken are named once and skipped, and everything else goes on', async () => {
    const dir = folder('bad', {
      'throws.mjs': `throw new Error('no luck');`,
      'syntax.mjs': 'export default {',
      'empty.mjs': 'export default { summary: 1 };',
      'missing.mjs': `import 'aitbc-no-such-package'; export default {};`,
      'argument.mjs': `export default { summary: 'A', arguments: [{ name: 'a b', help: '' }], run() {} };`,
      'option.mjs': `export default { summary: 'O', options: { x: { flags: 'x', help: '' } }, run() {} };`,
      'fine.mjs': greeting('fineWasLoaded'),
    });
    const help = await run(['--plugin-dir', dir]);
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toMatch(/fine +Greet somebody/);
    for (const [name, reason] of [
      ['throws', 'no luck'],
      ['syntax', ''],
      ['empty', 'its default export has no summary and run()'],
      ['missing', ''],
      ['argument', 'its argument 1 needs a camelCase name and a help text'],
      ['option', 'its option x needs flags such as'],
    ]) {
      expect(help.stderr).toContain(`${name}.mjs cannot be loaded: ${reason}`);
      expect(help.stderr.split(`${name}.mjs cannot be loaded`)).toHaveLength(2);
      expect(help.stdout).not.toContain(`  ${name}`);
    }
    const called = await run(['throws', '--plugin-dir', dir, '--json']);
    expect(JSON.parse(called.stdout)).toMatchObject({ error: { code: 'PLUGIN_BROKEN' } });
    expect(called.exitCode).toBe(1);
    const broken = (await listed(['--plugin-dir', dir])).filter(
      (plugin) => plugin.broken.length > 0,
    );
    expect(broken.map(({ name }) => name).sort()).toEqual([
      'argument',
      'empty',
      'missing',
      'option',
      'syntax',
      'throws',
    ]);
    Reflect.deleteProperty(globalThis, 'fineWasLoaded');
  });

  it('in a folder that does not exist are a usage error', async () => {
    const { exitCode, stderr } = await run(['--plugin-dir', join(home.dir, 'nowhere')]);
    expect([exitCode, stderr.includes('does not exist')]).toEqual([2, true]);
    const misnamed = { env: { XDG_CONFIG_HOME: join(home.dir, 'xdg') } };
    await run(['config', 'set', 'plugin-dir', join(home.dir, 'nowhere')], misnamed);
    const told = await run([], misnamed);
    expect([told.exitCode, told.stderr.includes('does not exist')]).toEqual([0, true]);
  });

  it('come as npm packages, too: of the home, and of a plugin folder', async () => {
    const packages = '.aitbc/plugins/node_modules';
    folder(`${packages}/aitbc-plugin-one`, {
      'package.json': manifest('aitbc-plugin-one', { commands: './cmds' }),
      'cmds/one.mjs': greeting('oneWasLoaded'),
    });
    folder(`${packages}/@me/aitbc-plugin-two`, {
      'package.json': manifest('@me/aitbc-plugin-two', { commands: 'commands' }),
      'commands/two/three.mjs': greeting('twoWasLoaded'),
    });
    folder(`${usual}/node_modules/aitbc-plugin-four`, {
      'package.json': manifest('aitbc-plugin-four', { commands: 'commands' }),
      'commands/four.mjs': greeting('fourWasLoaded'),
    });
    folder(`${packages}/aitbc-plugin-empty`, { 'package.json': manifest('aitbc-plugin-empty') });
    folder(`${packages}/aitbc-plugin-out`, {
      'package.json': manifest('aitbc-plugin-out', { commands: '..' }),
    });
    folder(`${packages}/aitbc-plugin-torn`, { 'package.json': '{' });
    folder(`${packages}/leftpad`, { 'package.json': manifest('leftpad', { commands: '.' }) });
    expect((await run(['two', 'three', 'Eve'])).stdout).toBe('Hello Eve\n');
    expect((await run(['four', 'Eve'])).stdout).toBe('Hello Eve\n');
    const help = await run([]);
    expect(help.stdout).toMatch(/^ {2}one +Greet somebody/m);
    for (const [name, reason] of [
      ['empty', 'its package.json has no aitbc.commands'],
      ['out', 'its aitbc.commands .. is no folder of the package'],
      ['torn', 'its package.json is no JSON'],
    ])
      expect(help.stderr).toContain(`aitbc-plugin-${name} cannot be loaded: ${reason}. It was`);
    expect(help.stderr).not.toContain('leftpad');
    const { stdout } = await run(['plugin', 'list']);
    expect(stdout).toMatch(/^@me\/aitbc-plugin-two +1\.2\.3 +two three /m);
    for (const mark of ['oneWasLoaded', 'twoWasLoaded', 'fourWasLoaded'])
      Reflect.deleteProperty(globalThis, mark);
  });
});

describe('aitbc plugin', () => {
  const bare = createTestHome();
  afterAll(() => bare.remove());
  const env = { PATH: process.env.PATH ?? '' };
  const work = (words: string[]) => bare.run(words, { env });

  it('creates a package whose own test passes, adds it, runs it, removes it', async () => {
    const made = await work(['plugin', 'create', 'budget', '--dir', bare.dir]);
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    const dir = join(bare.dir, 'aitbc-plugin-budget');
    expect(made.stdout.trim().split('\n').slice(1)).toEqual([
      `  npm test --prefix ${dir}`,
      `  aitbc plugin add ${dir}`,
    ]);
    const tested = execFileSync(process.execPath, ['--test'], { cwd: dir, env }).toString();
    expect(tested).toMatch(/pass 2/);

    const added = await work(['plugin', 'add', dir, '--yes', '--json']);
    expect(added.stderr).toContain('aitbc-plugin-budget adds: aitbc budget');
    expect(JSON.parse(added.stdout)).toMatchObject({
      name: 'aitbc-plugin-budget',
      kind: 'package',
      version: '0.1.0',
      commands: ['budget'],
      broken: [],
    });
    expect((await work(['budget', '--help'])).stdout).toContain('How many tokens an account');
    const gone = await work(['plugin', 'remove', 'budget', '--yes']);
    expect(gone).toEqual({ exitCode: 0, stdout: 'aitbc-plugin-budget is gone\n', stderr: '' });
    expect((await work(['budget', '--help'])).exitCode).toBe(2);
  });

  it('copies files and folders to the folder of this user, and removes them again', async () => {
    const file = join(bare.dir, 'greet.mjs');
    writeFileSync(file, greeting('addedWasLoaded'));
    mkdirSync(join(bare.dir, 'party'));
    writeFileSync(join(bare.dir, 'party', 'invite.mjs'), greeting('invitedWasLoaded'));
    expect(await work(['plugin', 'add', file, '--yes'])).toMatchObject({
      exitCode: 0,
      stderr: 'greet adds: aitbc greet\n',
    });
    expect((await work(['plugin', 'add', join(bare.dir, 'party'), '--yes'])).stdout).toContain(
      'Try: aitbc party invite --help',
    );
    expect((await work(['party', 'invite', 'Eve'])).stdout).toBe('Hello Eve\n');
    const unasked = await work(['plugin', 'remove', 'greet']);
    expect([unasked.exitCode, unasked.stderr]).toEqual([
      2,
      'Nothing was removed. Say --yes to remove it.\n',
    ]);
    const twice = await work(['plugin', 'add', file, '--yes']);
    expect([twice.exitCode, twice.stderr.includes('exists already')]).toEqual([2, true]);
    expect((await work(['plugin', 'remove', 'party', '--yes'])).stdout).toBe('party is gone\n');
    expect((await work(['plugin', 'remove', 'gret', '--yes'])).stderr).toContain(
      '(Did you mean greet?)',
    );
    expect((await work(['plugin', 'remove', 'greet', '--yes'])).exitCode).toBe(0);
    expect((await work(['plugin', 'list'])).stdout).toContain('No plugin yet');
    for (const mark of ['addedWasLoaded', 'invitedWasLoaded'])
      Reflect.deleteProperty(globalThis, mark);
  });

  it.each([
    ['add', 'aitbc-plugin-somebody-elses', 'Nothing was added. Say --yes to add it.'],
    ['add', 'nothing-here', 'a package is named aitbc-plugin-nothing-here'],
    ['add', 'git+https://example.org/x.git', 'is no file, no folder and no package'],
    ['create', 'wallet', 'There is a command wallet in aitbc already'],
    ['create', 'Über', 'is no name of a command'],
  ])('refuses %s %s', async (verb, what, reason) => {
    const { exitCode, stderr } = await work(['plugin', verb, what]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(reason)]);
  });

  it('leaves nothing of a package without commands, and passes on what npm says', async () => {
    const dir = join(bare.dir, 'hollow');
    mkdirSync(dir);
    writeFileSync(join(dir, 'package.json'), manifest('aitbc-plugin-hollow'));
    const hollow = await work(['plugin', 'add', dir, '--yes']);
    expect(hollow.stderr).toContain('its package.json has no aitbc.commands');
    writeFileSync(join(bare.dir, 'torn.tgz'), 'not an archive');
    const torn = await work(['plugin', 'add', join(bare.dir, 'torn.tgz'), '--yes', '--json']);
    expect(JSON.parse(torn.stdout)).toMatchObject({ error: { code: 'PLUGIN_BROKEN' } });
    expect((await work(['plugin', 'list'])).stdout).toContain('No plugin yet');
  });
});
