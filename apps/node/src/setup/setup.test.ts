import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { supplyOf } from '@aitbc/chain';
import { devnetParams, networkFromGenesis } from '@aitbc/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readGenesisFile } from './genesis-file.ts';
import { initDevnet } from './init-devnet.ts';
import { readKeyFile, writeKeyFile } from './key-file.ts';
import { runInit } from './run-init.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aitbc-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const refused = (code: string, reason: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(reason) });

describe('key files', () => {
  it('keep a seed for their owner alone', () => {
    const path = join(folder, 'a.key');
    writeKeyFile(path, new Uint8Array(32).fill(7));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readKeyFile(path).publicKey).toMatch(/^[0-9a-f]{64}$/);
    expect(() => writeKeyFile(path, new Uint8Array(32))).toThrow(/EEXIST/);
  });

  it('are refused when absent, open to others or no seed', () => {
    const path = join(folder, 'a.key');
    expect(() => readKeyFile(path)).toThrow(refused('CONFIG_INVALID', /does not exist/));
    writeFileSync(path, 'zz', { mode: 0o600 });
    expect(() => readKeyFile(path)).toThrow(refused('CONFIG_INVALID', /64 hex digits/));
    chmodSync(path, 0o644);
    expect(() => readKeyFile(path)).toThrow(refused('CONFIG_INVALID', /may be read by others/));
  });
});

describe('--init', () => {
  it('writes a devnet: faucet with 10^9 AIT, one validator with 10^6, keys mode 0600', () => {
    const result = initDevnet({ folder, timeMs: 1 });
    const genesis = readGenesisFile(result.genesisFile);
    expect(supplyOf(genesis)).toBe(10n ** 18n + 10n ** 15n);
    expect(genesis.validators).toEqual([
      { publicKey: readKeyFile(result.keyFile).publicKey, stake: (10n ** 15n).toString() },
    ]);
    expect(genesis.accounts[0]?.address).toBe(result.faucetAddress);
    expect(genesis.params).toEqual(devnetParams);
    expect(networkFromGenesis(genesis).genesisHash).toBe(result.genesisHash);
    expect(statSync(result.faucetKeyFile).mode & 0o777).toBe(0o600);
  });

  it('writes as many validators as it is asked for, each with a key file of its own', () => {
    const { genesisFile, keyFile, keyFiles } = initDevnet({ folder, timeMs: 1, validators: 4 });
    const names = [1, 2, 3, 4].map((at) => join(folder, `validator-${at}.key`));
    expect(keyFiles).toEqual(names);
    expect(keyFile).toBe(names[0]);
    const { validators } = readGenesisFile(genesisFile);
    expect(validators.map(({ publicKey }) => publicKey)).toEqual(
      keyFiles.map((path) => readKeyFile(path).publicKey),
    );
    for (const count of [0, 101, 1.5]) {
      expect(() => initDevnet({ folder, timeMs: 1, validators: count })).toThrow(
        refused('CONFIG_INVALID', /1 to 100 validators/),
      );
    }
  });

  it('overwrites nothing', () => {
    initDevnet({ folder, timeMs: 1 });
    const before = readFileSync(join(folder, 'genesis.json'), 'utf8');
    expect(() => initDevnet({ folder, timeMs: 2 })).toThrow(
      refused('CONFIG_INVALID', /exists already/),
    );
    expect(readFileSync(join(folder, 'genesis.json'), 'utf8')).toBe(before);
  });

  it('prints where its files are, or the fault and an exit code', async () => {
    const host = { out: '', err: '', exitCode: 0 };
    const seam = {
      stdout: { write: (text: string) => (host.out += text) },
      stderr: { write: (text: string) => (host.err += text) },
      set exitCode(code: number) {
        host.exitCode = code;
      },
    };
    await runInit(['--init', folder], seam);
    expect(JSON.parse(host.out)).toMatchObject({ genesisFile: join(folder, 'genesis.json') });
    await runInit(['--init', folder], seam);
    expect(host).toMatchObject({ exitCode: 2, err: expect.stringContaining('exists already') });
    for (const words of [[], [folder, '--validators'], [folder, '-v', '4'], [folder, '', '4']]) {
      host.err = '';
      await runInit(['--init', ...words], seam);
      expect(host.err, words.join(' ')).toContain('usage');
    }
    host.out = '';
    await runInit(['--init', join(folder, 'four'), '--validators', '4'], seam);
    expect(JSON.parse(host.out).keyFiles).toHaveLength(4);
    await runInit(['--init', join(folder, 'many'), '--validators', 'x'], seam);
    expect(host.err).toContain('1 to 100 validators');
  });
});

describe('a genesis file', () => {
  it.each([
    ['unknown field', (g: Record<string, unknown>) => ({ ...g, extra: 1 }), /extra/],
    [
      'float amount',
      (g: Record<string, unknown>) => ({
        ...g,
        accounts: [{ address: (g.accounts as { address: string }[])[0]?.address, balance: 1.5 }],
      }),
      /accounts\.0\.balance/,
    ],
    ['no validator', (g: Record<string, unknown>) => ({ ...g, validators: [] }), /validators/],
    [
      'owner that is no address',
      (g: Record<string, unknown>) => ({
        ...g,
        validators: (g.validators as object[]).map((row) => ({ ...row, owner: 'ait1x' })),
      }),
      /validators\.0\.owner/,
    ],
    ['upper-case name', (g: Record<string, unknown>) => ({ ...g, network: 'Ait' }), /network/],
  ])('is refused for %s, by the name of the field', (_, change, reason) => {
    const { genesisFile } = initDevnet({ folder, timeMs: 1 });
    writeFileSync(
      genesisFile,
      JSON.stringify(change(JSON.parse(readFileSync(genesisFile, 'utf8')))),
    );
    expect(() => readGenesisFile(genesisFile)).toThrow(refused('CONFIG_INVALID', reason));
  });

  it('is refused when it is no JSON or not there', () => {
    expect(() => readGenesisFile(join(folder, 'none.json'))).toThrow(
      refused('CONFIG_INVALID', /cannot be read/),
    );
  });
});
