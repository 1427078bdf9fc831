import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { defineConfig, helpText, printableConfig } from './config.ts';
import { loadConfig, readConfig } from './load-config.ts';

const table = defineConfig({
  name: 'sample',
  settings: {
    port: { env: 'AITBC_PORT', type: 'integer', default: 8015, min: 0, max: 65535, help: 'port' },
    rate: { env: 'AITBC_RATE', type: 'number', default: 0.5, help: 'rate' },
    quiet: { env: 'AITBC_QUIET', type: 'boolean', default: false, help: 'say less' },
    peers: { env: 'AITBC_PEERS', type: 'list', default: [], help: 'peers' },
    dataDir: { env: 'AITBC_DATA_DIR', type: 'path', default: './data', help: 'data' },
    nodeUrl: { env: 'AITBC_NODE_URL', type: 'string', default: undefined, help: 'node' },
    redisUrl: {
      env: 'AITBC_REDIS_URL',
      type: 'string',
      default: undefined,
      secret: true,
      help: 'redis',
    },
  },
});

function folder(files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), 'aitbc-config-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

const load = (argv: string[], env: Record<string, string> = {}, file?: string) =>
  loadConfig(table, { argv, env, ...(file ? { file } : {}) });

test('defaults hold when nothing else is said, with their types', () => {
  const values = load([]);
  const port: number = values.port;
  const nodeUrl: string | undefined = values.nodeUrl;
  expect([port, nodeUrl]).toEqual([8015, undefined]);
  expect(values.dataDir).toBe(resolve('data'));
  expect(values.logLevel).toBe('info');
});

test('file, environment and flags win in this order', () => {
  const dir = folder({ 'c.toml': 'port = 1\nrate = 0.1\nquiet = true\npeers = ["a", "b"]\n' });
  const file = join(dir, 'c.toml');
  const values = load(['--port', '3', '--no-quiet'], { AITBC_PORT: '2', AITBC_RATE: '0.2' }, file);
  expect(values).toMatchObject({ port: 3, rate: 0.2, quiet: false, peers: ['a', 'b'] });
  expect(load(['--config', file])).toMatchObject({ port: 1 });
  expect(load([`--config=${file}`])).toMatchObject({ port: 1 });
  expect(load([], { AITBC_CONFIG: file })).toMatchObject({ port: 1 });
});

test('a relative path starts at the folder of the file that names it', () => {
  const dir = folder({ 'c.toml': 'dataDir = "store"\n' });
  expect(load([], {}, join(dir, 'c.toml')).dataDir).toBe(join(dir, 'store'));
});

test('a flag may be written with an equals sign, and a list with commas', () => {
  expect(load(['--peers=a, b,,c', '--port=7']).peers).toEqual(['a', 'b', 'c']);
  expect(load(['--quiet']).quiet).toBe(true);
  expect(load(['--quiet=false']).quiet).toBe(false);
});

test('an unknown flag or file key names the nearest known one', () => {
  const known = { code: 'CONFIG_UNKNOWN_KEY', facts: { key: '--prot', nearest: '--port' } };
  expect(() => load(['--prot', '1'])).toThrow(expect.objectContaining(known));
  const file = join(folder({ 'c.toml': 'data_dir = "x"' }), 'c.toml');
  const facts = { key: 'data_dir', nearest: 'dataDir' };
  expect(() => load([], {}, file)).toThrow(expect.objectContaining({ facts }));
});

test.each([
  [['--port', 'x'], 'whole number'],
  [['--port', '70000'], 'at most 65535'],
  [['--port', '1', '--port', '2'], 'given twice'],
  [['--quiet', '--no-quiet'], 'given twice'],
  [['--quiet=maybe'], 'true or false'],
  [['--log-level', 'loud'], 'one of fatal'],
  [['--port'], 'needs a value'],
  [['serve'], 'not a flag'],
  [['--redis-url', 'redis://x'], '--redis-url-file'],
])('%j is refused as CONFIG_INVALID: %s', (argv, reason) => {
  const error = expect.objectContaining({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(reason),
  });
  expect(() => load(argv)).toThrow(error);
});

test('a key given twice in a file and a file that is not TOML are refused', () => {
  const dir = folder({ 'a.toml': 'port = 1\nport = 2\n', 'b.toml': 'port 1' });
  for (const name of ['a.toml', 'b.toml', 'missing.toml']) {
    const run = () => load([], {}, join(dir, name));
    expect(run, name).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  }
});

test('a secret comes from its variable or from a file, and is masked when printed', () => {
  const dir = folder({ secret: 'redis://:pw@h\n', 'c.toml': 'redisUrlFile = "secret"\n' });
  const path = join(dir, 'secret');
  expect(load([], { AITBC_REDIS_URL: 'redis://:pw@h' }).redisUrl).toBe('redis://:pw@h');
  expect(load([], { AITBC_REDIS_URL_FILE: path }).redisUrl).toBe('redis://:pw@h');
  expect(load([], {}, join(dir, 'c.toml')).redisUrl).toBe('redis://:pw@h');
  const values = load(['--redis-url-file', path]);
  expect(values.redisUrl).toBe('redis://:pw@h');
  expect(JSON.stringify(printableConfig(table, values))).not.toContain('pw');
});

test('an empty variable counts as unset', () => {
  expect(load([], { AITBC_PORT: '' }).port).toBe(8015);
});

test('--help gives a text that names every setting and hides secrets', () => {
  const result = readConfig(table, { argv: ['--help'], env: {} });
  expect(result).toEqual({ kind: 'text', text: helpText(table) });
  const text = helpText(table);
  for (const part of ['--data-dir <path>', 'AITBC_PEERS', '--redis-url-file', 'default 8015']) {
    expect(text).toContain(part);
  }
  expect(readConfig(table, { argv: ['--version'], env: {} })).toMatchObject({ kind: 'text' });
});
