import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { type Entries, entriesOf, type Level, loadCommand } from './command/command-tree.ts';
import { commandsDir } from './command/own-commands.ts';
import { createTestHome } from './testing/run-words.ts';

const home = createTestHome();
afterAll(() => home.remove());
const { run } = home;
const escapeCode = '\u001b';

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
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(await run(['wallet', '--version'])).toEqual({
      exitCode: 0,
      stdout: `${manifest.version}\n`,
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

  it('in the other name of a group do not happen: blockchain is chain', async () => {
    const chain = await run(['chain', '--help']);
    expect(await run(['blockchain', '--help'])).toEqual(chain);
    expect((await run(['blokchain'])).stderr).toContain('(Did you mean blockchain?)');
  });

  it('in a choice get the nearest one', async () => {
    const choice = await run(['ai', 'serve', '--engine', 'olama']);
    expect([choice.exitCode, choice.stderr.includes('(Did you mean ollama?)')]).toEqual([2, true]);
    const far = await run(['ai', 'serve', '--engine', 'steam']);
    expect(far.stderr).not.toContain('Did you mean');
    const group = await run(['wallet', '--jso']);
    expect(group.stderr).toContain("Unknown option '--jso' (Did you mean --json?)");
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
