import { EventEmitter } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@aitbc/protocol';
import { describe, expect, test } from 'vitest';
import { defineConfig } from './config/config.ts';
import { type Daemon, type DaemonContext, type ProcessSeam, runDaemon } from './daemon.ts';
import type { Log } from './log.ts';
import { until } from './testing.ts';

const config = defineConfig({
  name: 'sample',
  settings: {
    port: { env: 'AITBC_PORT', type: 'integer', default: 1, help: 'port' },
    most: { env: 'AITBC_MOST', type: 'integer', default: 5, help: 'most', live: true, max: 99 },
  },
});

function fakeProcess(argv: string[] = []) {
  const events = new EventEmitter();
  const stdin = new EventEmitter();
  const text = { stdout: '', stderr: '' };
  const exits: number[] = [];
  const host: ProcessSeam = {
    argv: ['node', 'main', '--log-level', 'silent', ...argv],
    env: {},
    stdout: { write: (part) => (text.stdout += part) },
    stderr: { write: (part) => (text.stderr += part) },
    stdin: { on: (event, listener) => stdin.on(event, listener), resume: () => {} },
    on: (event, listener) => events.on(event, listener as () => void),
    exit: (code) => exits.push(code),
  };
  return { host, events, stdin, text, exits };
}

function fakeDaemon(overrides: Partial<Daemon> = {}) {
  const calls: string[] = [];
  const daemon: Daemon = {
    start: async () => void calls.push('start'),
    stop: async () => void calls.push('stop'),
    ...overrides,
  };
  return { daemon, calls };
}

test('SIGTERM stops the daemon and ends the process with 0', async () => {
  const { host, events, exits } = fakeProcess();
  const { daemon, calls } = fakeDaemon();
  let aborted = false;
  await runDaemon(
    {
      config,
      create(_values, { signal }) {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        return daemon;
      },
    },
    host,
  );
  events.emit('SIGTERM');
  await until(() => exits.length > 0);
  expect({ calls, exits, aborted }).toEqual({
    calls: ['start', 'stop'],
    exits: [0],
    aborted: true,
  });
});

test('a second signal ends the process at once with 1', async () => {
  const { host, events, exits } = fakeProcess();
  const { daemon } = fakeDaemon({ stop: () => new Promise(() => {}) });
  await runDaemon({ config, create: () => daemon }, host);
  events.emit('SIGINT');
  expect(exits).toEqual([]);
  events.emit('SIGINT');
  expect(exits).toEqual([1]);
});

test('with --exit-with-parent the end of standard input stops it', async () => {
  const { host, stdin, exits } = fakeProcess(['--exit-with-parent']);
  const { daemon, calls } = fakeDaemon();
  await runDaemon({ config, create: () => daemon }, host);
  stdin.emit('end');
  stdin.emit('close');
  await until(() => exits.length > 0);
  expect({ calls, exits }).toEqual({ calls: ['start', 'stop'], exits: [0] });
});

test('with an IPC channel its end stops the daemon', async () => {
  const { host, events, exits } = fakeProcess(['--exit-with-parent']);
  const { daemon } = fakeDaemon();
  await runDaemon({ config, create: () => daemon }, { ...host, connected: true });
  events.emit('disconnect');
  await until(() => exits.length > 0);
  expect(exits).toEqual([0]);
});

test.each(['uncaughtException', 'unhandledRejection'])(
  '%s ends the process with 1',
  async (name) => {
    const { host, events, exits } = fakeProcess();
    const { daemon } = fakeDaemon();
    await runDaemon({ config, create: () => daemon }, host);
    events.emit(name, new Error('broken'));
    expect(exits).toEqual([1]);
  },
);

test('a wrong setting is one line on standard error and exit code 2', async () => {
  const { host, text, exits } = fakeProcess(['--prot=1']);
  await runDaemon({ config, create: () => fakeDaemon().daemon }, host);
  expect(exits).toEqual([2]);
  expect(text.stderr).toBe('aitbc-sample: Unknown setting "--prot". Did you mean "--port"?\n');
});

test('--help prints the text and exits with 0', async () => {
  const { host, text, exits } = fakeProcess(['--help']);
  await runDaemon({ config, create: () => fakeDaemon().daemon }, host);
  expect(exits).toEqual([0]);
  expect(text.stdout).toContain('--port <integer>');
});

test('a start that fails ends the process with the exit code of its error', async () => {
  const { host, text, exits } = fakeProcess();
  const { daemon } = fakeDaemon({
    start: () => Promise.reject(new AppError('PORT_IN_USE', { port: 8015, setting: '--port' })),
  });
  await runDaemon({ config, create: () => daemon }, host);
  expect(exits).toEqual([2]);
  expect(text.stderr).toContain('Port 8015 is taken');
});

describe('SIGHUP', () => {
  async function running(reload?: (most: number) => void) {
    const file = join(mkdtempSync(join(tmpdir(), 'aitbc-reload-')), 'c.toml');
    const write = (text: string): void => writeFileSync(file, text);
    write('port = 1\n');
    const { host, events, exits } = fakeProcess(['--config', file]);
    const taken: number[] = [];
    const told: { readonly log?: Log } = {};
    const create = (values: { readonly most: number }, { log }: DaemonContext) => {
      Object.assign(told, { log });
      taken.push(values.most);
      const { daemon } = fakeDaemon();
      return {
        ...daemon,
        reload({ most }: { readonly most: number }) {
          reload?.(most);
          taken.push(most);
        },
      };
    };
    await runDaemon({ config, create }, host);
    return { write, taken, exits, log: () => told.log, hangUp: () => events.emit('SIGHUP') };
  }

  test('takes over what may change while the daemon runs, and nothing else', async () => {
    const { write, taken, exits, hangUp } = await running();
    write('port = 2\nmost = 7\n');
    hangUp();
    write('most = 9\n');
    hangUp();
    expect({ taken, exits }).toEqual({ taken: [5, 7, 9], exits: [] });
  });

  test('changes nothing when the file is wrong or the daemon refuses', async () => {
    const { write, taken, exits, hangUp } = await running((most) => {
      if (most === 8) throw new AppError('CONFIG_INVALID', { reason: 'not 8' });
    });
    for (const text of ['mots = 7\n', 'most = 100\n', 'most 7', 'most = 8\n', 'most = 7\n']) {
      write(text);
      hangUp();
    }
    expect({ taken, exits }).toEqual({ taken: [5, 7], exits: [] });
  });

  test('stops a daemon without a settings file, as a terminal that closes', async () => {
    const { host, events, exits } = fakeProcess();
    const { daemon, calls } = fakeDaemon();
    await runDaemon({ config, create: () => daemon }, host);
    events.emit('SIGHUP');
    await until(() => exits.length > 0);
    expect({ calls, exits }).toEqual({ calls: ['start', 'stop'], exits: [0] });
  });
});
