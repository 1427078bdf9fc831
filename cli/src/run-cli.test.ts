import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Entries, entriesOf, type Level, loadCommand } from './command/command-tree.ts';
import { commandsDir } from './run-cli.ts';
import { createTestHome } from './testing/run-words.ts';

const home = createTestHome();
afterAll(() => home.remove());
const { run } = home;
const escapeCode = '\u001b';

function pluginFolder(name: string, files: Readonly<Record<string, string>>): string {
  const dir = join(home.dir, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return dir;
}

function commandsIn(
  level: Level,
  path: readonly string[] = [],
): { path: string[]; file: string }[] {
  const { groups, commands }: Entries = entriesOf(level);
  const own = [...commands.values()].map(({ name, file }) => ({ path: [...path, name], file }));
  return [...own, ...[...groups].flatMap(([name, next]) => commandsIn(next, [...path, name]))];
}

describe('help', () => {
  const all = commandsIn({ roots: [{ dir: commandsDir, isPlugin: false }] });

  it('exists for every command: a summary without a full stop, and an example', async () => {
    expect(all.length).toBeGreaterThan(20);
    for (const { path, file } of all) {
      const name = path.join(' ');
      const command = await loadCommand({ name, file, isPlugin: false });
      expect(command.summary, name).toMatch(/^[A-Z].*[^.]$/);
      expect(command.examples.length, name).toBeGreaterThan(0);
      for (const { line } of command.examples) expect(line, name).toContain(`aitbc ${name}`);
      const { exitCode, stdout } = await run([...path, '--help']);
      expect([exitCode, stdout.includes('Examples:')], name).toEqual([0, true]);
    }
  });

  it('of the top names each group with one line and closes with examples', async () => {
    const { exitCode, stdout, stderr } = await run([]);
    expect([exitCode, stderr]).toEqual([0, '']);
    for (const group of ['ai', 'chain', 'market', 'receipt', 'wallet']) {
      expect(stdout).toMatch(new RegExp(`^ {2}${group} +[A-Z]`, 'm'));
    }
    expect(stdout).toContain('aitbc receipt verify job.json');
  });

  it('of a group is the same by --help, by help and by its bare name', async () => {
    const bare = await run(['wallet']);
    expect(bare.stdout).toContain('Send coins');
    expect(await run(['wallet', '--help'])).toEqual(bare);
    expect(await run(['help', 'wallet'])).toEqual(bare);
    expect(await run(['--help', 'wallet'])).toEqual(bare);
  });

  it('has colours on a terminal, and no escape code anywhere else', async () => {
    expect((await run(['wallet'], { isTty: true })).stdout).toContain(escapeCode);
    expect((await run(['wallet'])).stdout).not.toContain(escapeCode);
    expect((await run(['wallet', '--no-color'], { isTty: true })).stdout).not.toContain(escapeCode);
    const env = { NO_COLOR: '1' };
    expect((await run(['wallet', 'send', '-h'], { isTty: true, env })).stdout).not.toContain(
      escape,
    );
  });

  it('is not needed for the version', async () => {
    expect(await run(['wallet', '--version'])).toEqual({
      exitCode: 0,
      stdout: '0.1.0\n',
      stderr: '',
    });
  });
});

describe('mistakes', () => {
  it('in a command or group get the nearest name and exit code 2', async () => {
    const group = await run(['walet']);
    expect(group.exitCode).toBe(2);
    expect(group.stderr).toContain("Unknown command 'walet' (Did you mean wallet?)");
    expect((await run(['wallet', 'sed'])).stderr).toContain('(Did you mean send?)');
    expect((await run(['wallet', 'send', '--mem', 'x'])).stderr).toContain(
      '(Did you mean --memo?)',
    );
    expect((await run(['wallet', 'list', '--jso'])).stderr).toContain('(Did you mean --json?)');
  });

  it('in arguments, choices and numbers are usage errors that name the help', async () => {
    const missing = await run(['wallet', 'send', 'ait1x']);
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toContain(
      "Missing required argument 'amount'. See: aitbc wallet send --help",
    );
    const choice = await run(['ai', 'serve', '--engine', 'steam']);
    expect([choice.exitCode, choice.stderr.includes('ollama')]).toEqual([2, true]);
    const number = await run(['ai', 'ask', 'x', '--max-tokens', '1.5']);
    expect(number).toMatchObject({ exitCode: 2 });
    expect(number.stderr).toContain('--max-tokens 1.5: a whole number above 0 is needed');
    expect((await run(['wallet', 'list', '--home'])).stderr).toContain('--home needs a value');
  });

  it('are one JSON object on standard output with --json', async () => {
    const { exitCode, stdout, stderr } = await run(['walet', '--json']);
    expect([exitCode, stderr]).toEqual([2, '']);
    const { error } = JSON.parse(stdout) as { error: Record<string, unknown> };
    expect(Object.keys(error)).toEqual(['code', 'message', 'facts']);
    expect(error.code).toBe('CLI_USAGE');
  });

  it('of the world outside say what to do: no daemon, no token', async () => {
    const nodeUrl = 'http://127.0.0.1:9';
    const away = await run(['chain', 'status', '--node-url', nodeUrl]);
    expect(away.exitCode).toBe(7);
    expect(away.stderr).toContain('Start a devnet with: aitbc up');
    const json = await run(['chain', 'status', '--node-url', nodeUrl, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      error: { code: 'UNAVAILABLE', facts: { what: nodeUrl } },
    });
    const closed = await run(['wallet', 'list']);
    expect([closed.exitCode, closed.stderr.includes('AITBC_WALLET_TOKEN')]).toEqual([5, true]);
  });

  it('after Ctrl-C are a cancelled command with exit code 130', async () => {
    const signal = AbortSignal.abort();
    const { exitCode, stderr } = await run(['chain', 'status'], { signal });
    expect([exitCode, stderr]).toEqual([130, 'Stopped.\n']);
  });
});

describe('plugins', () => {
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

  it('are commands like ours, found by their path, and only that file is imported', async () => {
    const dir = pluginFolder('good', {
      'greet.mjs': greeting('greetWasLoaded'),
      'other.mjs': greeting('otherWasLoaded'),
      'wallet/wave.mjs': greeting('waveWasLoaded'),
      'wallet/send.mjs': greeting('sendWasReplaced'),
    });
    const said = await run(['greet', 'Ada', '--loud', '--plugin-dir', dir]);
    expect(said).toEqual({ exitCode: 3, stdout: 'HELLO ADA\n', stderr: '' });
    expect(globalThis).not.toHaveProperty('otherWasLoaded');
    const wave = await run(['wallet', 'wave', 'Bob', '--json'], { env: { AITBC_PLUGIN_DIR: dir } });
    expect(JSON.parse(wave.stdout)).toEqual({ text: 'Hello Bob' });
    expect((await run(['wallet', '--plugin-dir', dir])).stdout).toMatch(/wave +Greet somebody/);
    expect((await run(['wallet', 'send', '-h', '--plugin-dir', dir])).stdout).toContain(
      'Send coins',
    );
    expect(globalThis).not.toHaveProperty('sendWasReplaced');
    for (const mark of ['greetWasLoaded', 'waveWasLoaded'])
      Reflect.deleteProperty(globalThis, mark);
  });

  it('are found in the usual folder without a flag', async () => {
    pluginFolder('.config/aitbc/plugins', { 'usual.mjs': greeting('usualWasLoaded') });
    expect((await run(['usual', 'Eve'])).stdout).toBe('Hello Eve\n');
    Reflect.deleteProperty(globalThis, 'usualWasLoaded');
  });

  it('that are broken are named and skipped, and everything else goes on', async () => {
    const dir = pluginFolder('bad', {
      'throws.mjs': `throw new Error('no luck');`,
      'empty.mjs': 'export default { summary: 1 };',
      'fine.mjs': greeting('fineWasLoaded'),
    });
    const help = await run(['--plugin-dir', dir]);
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toMatch(/fine +Greet somebody/);
    expect(help.stdout).not.toContain('throws');
    expect(help.stderr).toContain('throws.mjs cannot be loaded: no luck. It was skipped.');
    expect(help.stderr).toContain('its default export has no summary and run()');
    const called = await run(['throws', '--plugin-dir', dir, '--json']);
    expect(JSON.parse(called.stdout)).toMatchObject({ error: { code: 'PLUGIN_BROKEN' } });
    expect(called.exitCode).toBe(1);
    Reflect.deleteProperty(globalThis, 'fineWasLoaded');
  });

  it('in a folder that does not exist are a usage error', async () => {
    const { exitCode, stderr } = await run(['--plugin-dir', join(home.dir, 'nowhere')]);
    expect([exitCode, stderr.includes('does not exist')]).toEqual([2, true]);
  });
});
