/** Two nodes with one key in a network of real nodes. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@aitbc/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainNode } from '../app.ts';
import { resultOf } from '../testing/test-node.ts';
import { startNet, type ValidatorNet } from '../testing/validator-net.ts';

let net: ValidatorNet;
beforeAll(async () => {
  net = await startNet({ timeMs: 1_760_000_000_000, params: {}, snapshotBlocks: 0 });
}, 60_000);
afterAll(() => net.stop());

const peersOf = async (node: ChainNode | undefined): Promise<{ publicKey: string }[]> =>
  (await resultOf(node?.url as string, 'net_peers')).peers;

describe('a validator whose key is in use', () => {
  it('does not start, and the other one stays connected', async () => {
    cpSync(join(net.folder, 'node-3'), join(net.folder, 'copy'), {
      recursive: true,
      filter: (path) => !path.endsWith('lock'),
    });
    const copy = net.start({ name: 'copy', validator: 3, isOld: true });
    await expect(copy).rejects.toMatchObject({ code: 'KEY_IN_USE' });
    expect(await peersOf(net.nodes[3])).toHaveLength(3);
  });

  it('starts when the operator says so, and gets in when the other one is gone', async () => {
    const options = { name: 'copy', validator: 3, isOld: true, allowKeyTakeover: true };
    const [old] = net.nodes.splice(3, 1);
    const copy = await net.start(options);
    expect(await peersOf(copy)).toEqual([]);
    await old?.stop();
    await until(async () => (await peersOf(copy)).length === 3, { timeoutMs: 15_000 });
  }, 30_000);

  it('starts at once after a crash of its own', async () => {
    const [again] = net.nodes.splice(3, 1);
    await again?.stop();
    const back = await net.start({ name: 'node-3', validator: 3, isOld: true });
    await until(async () => (await peersOf(back)).length === 3);
  }, 30_000);
});
