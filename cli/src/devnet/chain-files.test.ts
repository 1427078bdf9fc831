import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openChainFiles } from './chain-files.ts';
import { meshPortOf, nodeNames, portOf, programOf, providerNames } from './daemon-name.ts';
import { assertPortsFree, findFreePorts } from './free-ports.ts';
import { residentBytesOf } from './resident-memory.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'aitbc-files-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const journalOf = (name: string) => existsSync(join(home, name, 'journal-1'));

describe('the files of a chain', () => {
  it('are those of four validators, each with a key and a journal, when nothing is said', async () => {
    const files = await openChainFiles({ home });
    expect(files.nodes).toEqual(['node', 'node-2', 'node-3', 'node-4']);
    expect(files.nodes.map(journalOf)).toEqual([true, true, true, true]);
    expect(new Set(files.nodes.map(files.publicKeyOf)).size).toBe(4);
    for (const name of files.nodes) expect(existsSync(files.keyFileOf(name))).toBe(true);
    const again = await openChainFiles({ home });
    expect(again.nodes.map(again.publicKeyOf)).toEqual(files.nodes.map(files.publicKeyOf));
  });

  it('stay those of their chain: another number of validators is refused', async () => {
    const files = await openChainFiles({ home, validators: 1 });
    expect(existsSync(files.keyFileOf('node'))).toBe(true);
    expect((await openChainFiles({ home })).nodes).toEqual(['node']);
    await expect(openChainFiles({ home, validators: 4 })).rejects.toMatchObject({
      code: 'CLI_USAGE',
    });
  });

  it('are made anew after a start that was cut off between journals and genesis', async () => {
    await openChainFiles({ home, validators: 2 });
    rmSync(join(home, 'chain'), { recursive: true });
    const files = await openChainFiles({ home, validators: 2 });
    expect(files.nodes.map(journalOf)).toEqual([true, true]);
  });

  it('are not made over the blocks of another chain', async () => {
    await openChainFiles({ home, validators: 2 });
    rmSync(join(home, 'chain'), { recursive: true });
    writeFileSync(join(home, 'node-2', 'blocks.log'), 'blocks');
    await expect(openChainFiles({ home, validators: 2 })).rejects.toMatchObject({
      code: 'DAEMON_FAILED',
    });
    expect(readFileSync(join(home, 'node-2', 'blocks.log'), 'utf8')).toBe('blocks');
    expect(existsSync(join(home, 'chain'))).toBe(false);
  });

  it('are CONFIG_INVALID when the genesis document is none', async () => {
    mkdirSync(join(home, 'chain'));
    writeFileSync(join(home, 'chain', 'genesis.json'), '{}');
    await expect(openChainFiles({ home })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('names and ports', () => {
  it('give each node ports of its own, which no other daemon has', () => {
    const servants = ['wallet', 'coordinator', ...providerNames(10), 'gateway'] as const;
    const names = [...nodeNames(10), ...servants];
    const all = [...names.map(portOf), ...nodeNames(10).map(meshPortOf)];
    expect(new Set(all).size).toBe(all.length);
    expect([portOf('node'), portOf('node-2'), meshPortOf('node-4')]).toEqual([8006, 8016, 8037]);
    expect([programOf('node-3'), programOf('gateway')]).toEqual(['node', 'gateway']);
  });

  it('are found free, different from one another', async () => {
    const found = await findFreePorts(20);
    expect(new Set(found).size).toBe(20);
    await assertPortsFree(found);
  });
});

it.runIf(process.platform === 'linux')('memory of a process is told, of none it is not', () => {
  expect(residentBytesOf(process.pid)).toBeGreaterThan(10_000_000);
  expect(residentBytesOf(2 ** 22 + 1)).toBe(undefined);
});
