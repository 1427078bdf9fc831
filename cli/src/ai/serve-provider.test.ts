import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { splitArguments } from '../command/global-options.ts';
import { openContext, outOf } from '../context/context.ts';
import { createTestHome, createTestHost } from '../testing/run-words.ts';
import { until } from '../testing/until.ts';
import { serveProvider } from './serve-provider.ts';

const home = createTestHome();
afterAll(() => home.remove());

/** A process with the manners of our daemons: a ready line, draining on SIGTERM, an end with its parent. */
const daemonScript = `
  import { writeFileSync } from 'node:fs';
  const say = (fields) => console.log(JSON.stringify({ level: 'info', time: 0, name: 'x', ...fields }));
  writeFileSync(process.argv[2], JSON.stringify({ args: process.argv.slice(3), mark: process.env.MARK }));
  say({ msg: 'offers made', models: 2, err: { message: 'none' } });
  say({ level: 'warn', msg: 'slow engine' });
  console.error('plain words');
  if (process.argv.includes('--fail')) process.exit(2);
  process.stdin.on('end', () => process.exit(1)).resume();
  process.on('SIGTERM', () => { say({ msg: 'stopping' }); process.exit(0); });
  say({ msg: 'ready', url: 'http://127.0.0.1:9' });
`;

function start(words: readonly string[], args: readonly string[] = []) {
  const entry = join(home.dir, 'daemon.mjs');
  const seen = join(home.dir, 'seen.json');
  writeFileSync(entry, daemonScript);
  const ending = new AbortController();
  const env = { HOME: home.dir, MARK: 'from the environment' };
  const { host, written } = createTestHost(words, env, { signal: ending.signal });
  const { globals } = splitArguments(words, host.env);
  const { context } = openContext(host, globals, outOf(host, globals));
  const ended = serveProvider(context, { entry, args: [seen, ...args], dataDir: home.dir });
  return { ended, written, stop: () => ending.abort(), seen };
}

describe('ai serve', () => {
  it('runs the daemon with flags and environment, and turns its log into lines', async () => {
    const daemon = start([], ['--port', '0']);
    await until(() => daemon.written.stdout.includes('ready'), 'the ready line');
    daemon.stop();
    expect(await daemon.ended).toBe(0);
    const { stdout, stderr } = daemon.written;
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d info {2}offers made {2}models=2 err="none"$/m);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d warn {2}slow engine$/m);
    expect(stdout).toContain('stopping');
    expect(stderr).toContain('plain words');
    expect(stderr).toContain('Draining');
    expect(stdout + stderr).not.toContain('\u001b');
    expect(JSON.parse(readFileSync(daemon.seen, 'utf8'))).toEqual({
      args: ['--port', '0', '--exit-with-parent'],
      mark: 'from the environment',
    });
  });

  it('writes the log as JSON lines with --json', async () => {
    const daemon = start(['--json']);
    await until(() => daemon.written.stdout.includes('ready'), 'the ready line');
    daemon.stop();
    await daemon.ended;
    const entries = daemon.written.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries.map(({ msg }) => msg)).toEqual([
      'offers made',
      'slow engine',
      'ready',
      'stopping',
    ]);
  });

  it('ends with the exit code of the daemon', async () => {
    expect(await start([], ['--fail']).ended).toBe(2);
  });
});
