import { hex, keyPairFromSeed, systemClock } from '@aitbc/primitives';
import { AppError, addressOf, type MandateJson, networkFromHash } from '@aitbc/protocol';
import type { BuyerOptions, NodeClient } from '@aitbc/sdk';
import { createLog, loadConfig } from '@aitbc/service';
import { describe, expect, it } from 'vitest';
import { gatewayConfig } from './config.ts';
import { openPayer, type PayerDeps } from './open-payer.ts';

const network = networkFromHash('ait-test', 'cd'.repeat(32));
const hotKey = keyPairFromSeed(new Uint8Array(32).fill(7));
const owner = addressOf(hex(keyPairFromSeed(new Uint8Array(32).fill(8)).publicKey));
const provider = addressOf(hex(keyPairFromSeed(new Uint8Array(32).fill(9)).publicKey));
const subKey = addressOf(hex(hotKey.publicKey));
const options: BuyerOptions = { channelFund: 9n, vaultFund: 9n, jobMax: 50n, dayMax: 100n };

const mandate: MandateJson = {
  ...{ owner, subKey, channelMaxNait: '80', windowMaxNait: '150', windowMs: 1_000 },
  ...{ totalMaxNait: '1000', jobMaxNait: '0', receivers: [], models: [] },
  ...{ allowsChannels: true, allowsTransfers: false, expiresAtHeight: 1_000, revoked: false },
  ...{ spentNait: '0', windowStartMs: 0, windowSpentNait: '0' },
};

function configOf(...argv: string[]) {
  return loadConfig(gatewayConfig, { argv, env: {} });
}

function depsWith(granted: Partial<MandateJson> | undefined): PayerDeps {
  const node = {
    network: async () => ({ network, params: {} }),
    rpc: {
      async state_getMandate(names: { owner: string; subKey: string }) {
        expect(names).toEqual({ owner, subKey });
        if (!granted) throw new AppError('MANDATE_UNKNOWN', names);
        return { ...mandate, ...granted };
      },
    },
  } as unknown as NodeClient;
  const wallet = {
    listAccounts: async () => ({ accounts: [{ address: provider }] }),
    sign: () => Promise.reject(new Error('nothing is signed here')),
  } as unknown as PayerDeps['wallet'];
  return {
    node,
    wallet,
    hotKey,
    clock: systemClock,
    log: createLog({ name: 't', level: 'silent' }),
  };
}

describe('the payer of a gateway', () => {
  it('is an account of the wallet when no mandate is named', async () => {
    const payer = await openPayer(configOf(), options, depsWith(undefined));
    expect(payer).toMatchObject({ address: provider, options });
    expect(payer.sender.signer.address).toBe(provider);
    expect(payer.funder).toBeUndefined();
    const named = await openPayer(configOf('--account', owner), options, depsWith(undefined));
    expect(named.address).toBe(owner);
  });

  it('is the owner of a mandate, whose money the hot key moves', async () => {
    const payer = await openPayer(configOf('--mandate-owner', owner), options, depsWith({}));
    expect(payer).toMatchObject({ address: owner, options });
    expect(payer.sender.signer.address).toBe(subKey);
    expect(payer.funder?.payer.address).toBe(owner);
  });

  it('asks for no more than the mandate allows one job, and only of its receivers', async () => {
    const config = configOf('--mandate-owner', owner);
    const tight = depsWith({ jobMaxNait: '20', receivers: [provider] });
    const { options: asked } = await openPayer(config, options, tight);
    expect(asked).toEqual({ ...options, jobMax: 20n, wishes: { only: [provider] } });
    const { options: same } = await openPayer(config, options, depsWith({ jobMaxNait: '60' }));
    expect(same).toEqual(options);
  });

  it('is not there before the owner has granted, or for an owner that is no address', async () => {
    const open = (named: string) =>
      openPayer(configOf('--mandate-owner', named), options, depsWith(undefined));
    await expect(open(owner)).rejects.toMatchObject({
      code: 'MANDATE_UNKNOWN',
      facts: { owner, subKey },
    });
    await expect(open('ait1nobody')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
