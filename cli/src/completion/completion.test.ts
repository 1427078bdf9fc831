import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createTestHome } from '../testing/run-words.ts';
import { scripts } from './scripts.ts';

const home = createTestHome();
afterAll(() => home.remove());

async function complete(line: string, env: Record<string, string> = {}) {
  const words = line.split(' ');
  const { exitCode, stdout, stderr } = await home.run(['__complete', '--', ...words], { env });
  expect([exitCode, stderr]).toEqual([0, '']);
  const lines = stdout.trimEnd().split('\n');
  const words_ = lines.slice(0, -1).map((text) => text.split('\t')[0] ?? '');
  return { words: words_, also: lines.at(-1), lines };
}

describe('completion', () => {
  it('knows groups, commands and what groups are for', async () => {
    const top = await complete('');
    expect(top.words).toEqual(expect.arrayContaining(['ai', 'chain', 'config', 'up', 'wallet']));
    expect(top.lines).toContain('wallet\tKeys and coins: accounts, balances, payments');
    expect((await complete('wal')).words).toEqual(['wallet']);
    expect((await complete('chain st')).words).toEqual(['stake', 'status']);
    expect((await complete('chain stake un')).words).toEqual(['unbond', 'unjail']);
    expect((await complete('blockchain bl')).words).toEqual(['block']);
    expect((await complete('walet ')).words).toEqual([]);
  });

  it('knows options of the command and of all commands, and what they mean', async () => {
    const { words, lines } = await complete('wallet send --');
    expect(words).toEqual(expect.arrayContaining(['--memo', '--yes', '--json', '--help']));
    expect(lines).toContain('--memo\tup to 64 bytes that everybody can read');
    expect((await complete('wallet send --me')).words).toEqual(['--memo']);
    expect((await complete('--home /tmp --js')).words).toEqual(['--json']);
  });

  it('knows choices, behind a space and behind an equals sign', async () => {
    expect((await complete('ai serve --engine ')).words).toEqual([
      'auto',
      'ollama',
      'openai',
      'embedded',
    ]);
    expect((await complete('ai serve --engine=o')).words).toEqual([
      '--engine=ollama',
      '--engine=openai',
    ]);
  });

  it('leaves files and folders to the shell', async () => {
    expect(await complete('ai ask --file ')).toMatchObject({ words: [], also: ':files' });
    expect(await complete('--plugin-dir ')).toMatchObject({ words: [], also: ':folders' });
    expect(await complete('receipt verify ')).toMatchObject({ also: ':files' });
    expect(await complete('wallet send ')).toMatchObject({ words: [], also: ':none' });
  });

  it('knows commands of plugins, also of a folder that is named in the line', async () => {
    const dir = join(home.dir, 'more');
    mkdirSync(dir);
    writeFileSync(join(dir, 'greet.mjs'), `export default { summary: 'Greet', async run() {} };`);
    expect((await complete(`--plugin-dir ${dir} gre`)).words).toEqual(['greet']);
    expect((await complete('gre')).words).toEqual([]);
  });

  it('asks wallet and gateway for accounts and models, and forgets a network that is silent', async () => {
    const server = createServer((request, answer) => {
      const isKnown = request.headers.authorization === 'Bearer secret';
      const body =
        request.url === '/v1/models'
          ? { data: [{ id: 'qwen3:8b' }, { id: 'tiny' }, { id: '$(reboot)' }] }
          : { accounts: isKnown ? [{ label: 'main', address: 'ait1qq' }] : [] };
      answer.end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const env = { AITBC_GATEWAY_URL: url, AITBC_WALLET_URL: url, AITBC_WALLET_TOKEN: 'secret' };
    expect((await complete('ai ask --model ', env)).words).toEqual(['qwen3:8b', 'tiny']);
    expect((await complete('ai ask --model=q', env)).words).toEqual(['--model=qwen3:8b']);
    expect((await complete('wallet balance ', env)).words).toEqual(['main', 'ait1qq']);
    expect((await complete('wallet send x 1 --account m', env)).words).toEqual(['main']);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect((await complete('ai ask --model ', env)).words).toEqual([]);
  });

  it('has scripts for three shells, and the nearest name of another one', async () => {
    for (const shell of ['bash', 'zsh', 'fish'] as const) {
      const { stdout } = await home.run(['completion', shell]);
      expect(stdout).toBe(scripts[shell]);
      expect(stdout).toContain('aitbc __complete --');
    }
    const wrong = await home.run(['completion', 'bahs']);
    expect([wrong.exitCode, wrong.stderr.includes('(Did you mean bash?)')]).toEqual([2, true]);
  });
});

describe('the script for bash', () => {
  const bin = join(home.dir, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(home.dir, 'completion.bash'), scripts.bash);
  /** Stands for `aitbc`: tells what it was asked and answers what the test wants. */
  writeFileSync(
    join(bin, 'aitbc'),
    `#!/bin/bash\nprintf '%s|' "$@" > "$HOME/asked"\nprintf '%b' "$ANSWER"\n`,
  );
  chmodSync(join(bin, 'aitbc'), 0o755);

  /** What bash would offer for a line, asked the way bash does it when TAB is pressed. */
  function offered(line: string, answer: string): { replies: string[]; asked: string } {
    const script = `
      source "$HOME/completion.bash"
      COMP_LINE="$LINE" COMP_POINT=\${#LINE}
      COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
      _aitbc
      printf '%s\\n' "\${COMPREPLY[@]}"
      printf '%s\\n' '---'
      cat "$HOME/asked"
      complete -p aitbc > /dev/null`;
    const env = { HOME: home.dir, PATH: `${bin}:/usr/bin:/bin`, LINE: line, ANSWER: answer };
    const told = execFileSync('bash', ['--norc', '-c', script], { env, cwd: home.dir }).toString();
    const [replies = '', asked = ''] = told.split('---\n');
    return { replies: replies.split('\n').filter((text) => text !== ''), asked };
  }

  it('hands over the words up to the cursor, an empty one behind a space', () => {
    const answer = 'send\\tSend coins\\nsee\\t\\n:none\\n';
    expect(offered('aitbc wallet se', answer)).toEqual({
      replies: ['send', 'see'],
      asked: '__complete|--|wallet|se|',
    });
    expect(offered('aitbc wallet ', answer).asked).toBe('__complete|--|wallet||');
  });

  it('gives back only what is behind a colon or an equals sign', () => {
    const models = 'qwen3:8b\\t\\nqwen3:4b\\t\\n:none\\n';
    expect(offered('aitbc ai ask --model qwen3:', models).replies).toEqual(['8b', '4b']);
    const joined = '--engine=ollama\\t\\n:none\\n';
    expect(offered('aitbc ai serve --engine=o', joined).replies).toEqual(['ollama']);
    const both = '--model=qwen3:8b\\t\\n:none\\n';
    expect(offered('aitbc ai ask --model=qwen3:', both).replies).toEqual(['8b']);
  });

  it('adds files where they may stand', () => {
    writeFileSync(join(home.dir, 'job.json'), '');
    expect(offered('aitbc receipt verify jo', ':files\\n').replies).toEqual(['job.json']);
    expect(offered('aitbc config bi', ':folders\\n').replies).toEqual(['bin']);
    expect(offered('aitbc wallet jo', ':none\\n').replies).toEqual([]);
  });
});

describe('each script', () => {
  it.each([
    ['bash', '/bin/bash'],
    ['zsh', '/usr/bin/zsh'],
    ['fish', '/usr/bin/fish'],
  ] as const)('for %s is read without complaint where that shell is installed', (shell, path) => {
    const file = join(home.dir, `completion.${shell}`);
    writeFileSync(file, scripts[shell]);
    // Its words are held in every case; a machine without the shell cannot say more.
    expect(scripts[shell]).toMatch(/__complete -- .*words/);
    if (existsSync(path)) execFileSync(path, ['-n', file]);
  });
});
