/** Commands about validators, votes, peers and proofs, against a node and a wallet made of tables. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64, bytesFromBase64, hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  decodeTx,
  decodeUnsignedTx,
  devnetParams,
  type Genesis,
  networkFromHash,
  nodeRpc,
  type SignedTx,
  signTx,
  txToJson,
  unwrap,
  verifyStakeProof,
  walletEndpoints,
} from '@aitbc/protocol';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome } from '../testing/run-words.ts';
import { sampleGenesisHash } from '../testing/sample-proof.ts';
import {
  type NodeHandlers,
  serveNode,
  serveTable,
  type TestServer,
} from '../testing/table-server.ts';

const home = createTestHome();
afterAll(() => home.remove());

const network = networkFromHash('test', sampleGenesisHash);
const owner = keyPairFromSeed(new Uint8Array(32).fill(9));
const address = addressOf(hex(owner.publicKey));
const seed = new Uint8Array(32).fill(7);
const validator = hex(keyPairFromSeed(seed).publicKey);
const keyFile = join(home.dir, 'validator.key');
writeFileSync(keyFile, `${hex(seed)}\n`, { mode: 0o600 });

const zero = '00'.repeat(32);
const header = {
  ...{ version: 1, chain: 1, height: 7, epoch: 0, view: 7, parent: zero, timeMs: 1_000 },
  ...{ proposer: zero, txRoot: zero, stateRoot: zero, receiptRoot: zero, validatorsHash: zero },
  ...{ nextValidatorsHash: zero, evidenceRoot: zero },
};
const bundle = {
  header,
  certificate: { kind: 3, epoch: 0, view: 7, blockHash: zero, votes: [] },
  validators: [{ publicKey: validator, stake: '10' }],
};
const state = {
  ...{ validator, owner: address, stake: '750', leaving: '0', leavingDueMs: 0 },
  ...{ jailedUntilMs: 0, missedViews: 0, slashed: false },
};
let sent: SignedTx | undefined;
let world: { peers: 'none' | 'some'; votes: boolean };

const handlers: NodeHandlers = {
  chain_status: () => chainStatus(),
  state_getAccount: (input) => ({
    ...{ address: input.address, balance: '5', nonce: 3, vault: '0', pendingNonce: 3 },
  }),
  tx_sendAndWait({ tx }) {
    sent = unwrap(decodeTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
    const shown = txToJson(sent);
    const { txId, kind } = sent;
    const receipt = { txId, height: 12, index: 0, kind, from: shown.from, fee: shown.fee };
    return { status: 'final', tx: shown, receipt, blockHash: zero };
  },
  validators_get: ({ epoch = 2 }) => ({
    ...{ epoch, firstHeight: 21, lastHeight: 30 },
    validators: [
      { publicKey: validator, stake: '750', state: { ...state, missedViews: 4 } },
      { publicKey: zero, stake: '250', state: { ...state, slashed: true } },
    ],
  }),
  evidence_list: ({ from }) => ({
    evidence: [{ height: from ?? 9, txId: zero, validator, epoch: 1, view: 3, reporter: address }],
    next: from === undefined ? 8 : null,
  }),
  net_peers() {
    if (world.peers === 'none') return { port: null, peers: [], targets: [] };
    const traffic = { bytesIn: 1, bytesOut: 1, queuedBytes: 0, sinceMs: 1 };
    return {
      port: 9006,
      peers: [
        {
          ...{ publicKey: validator, isValidator: true, direction: 'out', remote: 'h:1' },
          ...{ listens: null, rttMs: 1.25, height: 7, view: 1, ...traffic },
        },
      ],
      targets: [
        {
          address: 'away:1',
          publicKey: null,
          isConnected: false,
          failedTries: 3,
          fault: 'TIMEOUT',
        },
      ],
    };
  },
  governance_list: () => ({
    height: 50,
    proposals: world.votes
      ? [
          {
            ...{ proposalId: zero, name: 'feePerRow', value: '7', untilHeight: 90 },
            ...{ voters: [validator], votedStake: '250', totalStake: '1000' },
          },
        ]
      : [],
    next: null,
    changed: [],
    armed: world.votes ? [{ name: 'jailMs', value: '1' }] : [],
    upgrade: world.votes ? { present: 1, next: 2, height: 101 } : null,
  }),
  chain_getLightBundle({ height = 7 }) {
    if (height > 7) throw new AppError('NOT_FOUND', { what: `block ${height}` });
    return bundle;
  },
  state_getProof: () => ({
    bundle,
    value: null,
    proof: {
      ...{ kind: 'absence', index: 0, count: 1, siblings: [] },
      ...{ key: '00'.repeat(33), nextKey: 'ff'.repeat(33), valueHash: zero },
    },
  }),
};

let node: TestServer;
let wallet: TestServer;
beforeEach(async () => {
  sent = undefined;
  world = { peers: 'some', votes: true };
  node = await serveNode(nodeRpc, handlers);
  wallet = await serveTable(walletEndpoints, {
    listAccounts: () => ({
      accounts: [
        { address, label: 'main', kind: 'key' as const, createdAtMs: 1, unlockedUntilMs: 5 },
      ],
    }),
    sign({ tx }) {
      const unsigned = unwrap(decodeUnsignedTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
      const signed = signTx(network, unsigned, owner.secretKey);
      return {
        ...{ tx: base64(signed.bytes), txId: signed.txId, description: 'It does something.' },
        ...{ decoded: txToJson(unsigned), effects: [] },
      };
    },
  });
});
afterEach(() => Promise.all([node.close(), wallet.close()]));

const run = (...words: string[]) =>
  home.run([...words, '--node-url', node.url, '--wallet-url', wallet.url], {
    env: { AITBC_WALLET_TOKEN: 'token' },
  });

describe('stake', () => {
  it('is bonded with a signature of the validator key for its owner', async () => {
    const { exitCode, stdout } = await run('chain', 'stake', 'bond', '1.5', '--key-file', keyFile);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Final in block 12');
    expect(stdout).toContain(`Validator ${validator} can be in the set from the next epoch on`);
    const body = (sent as Extract<SignedTx, { kind: 'validator_bond' }>).body;
    expect(body).toMatchObject({ validator, stake: 1_500_000_000n });
    expect(verifyStakeProof(network, hex(owner.publicKey), body)).toBe(true);
  });

  it('is taken back, paid out, and its validator let out of jail', async () => {
    const answer = await run('chain', 'stake', 'unbond', validator, '7', '--nait', '--json');
    expect(JSON.parse(answer.stdout)).toMatchObject({
      height: 12,
      description: 'It does something.',
    });
    expect(sent).toMatchObject({ kind: 'validator_unbond', body: { validator, amount: 7n } });
    await run('chain', 'stake', 'withdraw', validator);
    expect(sent).toMatchObject({ kind: 'stake_withdraw', body: { validator } });
    await run('chain', 'stake', 'unjail', validator);
    expect(sent).toMatchObject({ kind: 'validator_unjail', body: { validator } });
  });

  it('needs a key, and says which file is none', async () => {
    const bad = await run('chain', 'stake', 'unbond', 'nobody', '7');
    expect([bad.exitCode, bad.stderr.includes('no public key')]).toEqual([2, true]);
    const none = await run('chain', 'stake', 'bond', '1', '--key-file', join(home.dir, 'none'));
    expect([none.exitCode, none.stderr.includes('cannot be read')]).toEqual([2, true]);
    writeFileSync(join(home.dir, 'odd.key'), 'zz');
    const odd = await run('chain', 'stake', 'bond', '1', '--key-file', join(home.dir, 'odd.key'));
    expect([odd.exitCode, odd.stderr.includes('64 hex digits')]).toEqual([2, true]);
    expect(sent).toBeUndefined();
  });
});

describe('votes', () => {
  it('are cast for parameters and versions', async () => {
    const { exitCode } = await run(
      'chain',
      'vote',
      'param',
      'jailMs',
      '5',
      '--validator',
      validator,
    );
    expect(exitCode).toBe(0);
    expect(sent).toMatchObject({
      kind: 'param_vote',
      body: { validator, name: 'jailMs', value: '5', untilHeight: 10_007 },
    });
    await run('chain', 'vote', 'upgrade', '--validator', validator, '--to', '2', '--height', '101');
    expect(sent).toMatchObject({
      kind: 'upgrade_signal',
      body: { validator, version: 2, height: 101 },
    });
  });

  it('are listed with the stake behind them', async () => {
    const { stdout } = await run('chain', 'vote', 'list');
    expect(stdout).toMatch(/^feePerRow +7 +25\.0 % of the stake, until height 90/m);
    expect(stdout).toMatch(/^jailMs +1 +from the next epoch on/m);
    expect(stdout).toMatch(/^upgrade +2 +decided, from height 101/m);
    world.votes = false;
    expect((await run('chain', 'vote', 'list')).stdout).toContain('Nothing is voted on');
  });
});

describe('validators and peers', () => {
  it('are shown with share and state', async () => {
    const { stdout } = await run('chain', 'validators');
    expect(stdout).toContain('Epoch 2: blocks 21 to 30.');
    expect(stdout).toMatch(new RegExp(`^${validator} .* 75\\.0 % +missed 4 views in a row$`, 'm'));
    expect(stdout).toMatch(/25\.0 % +convicted$/m);
    await run('chain', 'validators', '--epoch', '0');
    expect(node.calls.at(-1)?.input).toEqual({ epoch: 0 });
    expect((await run('chain', 'validators', '--epoch', 'x')).exitCode).toBe(2);
  });

  it('are shown when they were convicted, over all pages', async () => {
    const { stdout } = await run('chain', 'evidence', '--json');
    expect(JSON.parse(stdout).evidence.map((row: { height: number }) => row.height)).toEqual([
      9, 8,
    ]);
    expect((await run('chain', 'evidence')).stdout).toContain('epoch 1, view 3');
  });

  it('are shown with those that cannot be reached', async () => {
    const { stdout } = await run('chain', 'peers');
    expect(stdout).toMatch(/validator +to h:1 +7 +1\.3 ms$/m);
    expect(stdout).toContain('away:1 is not there after 3 tries (TIMEOUT).');
    world.peers = 'none';
    expect((await run('chain', 'peers')).stdout).toContain('alone in its network');
  });
});

describe('proofs', () => {
  const genesis: Genesis = {
    network: 'test',
    timeMs: Date.now(),
    accounts: [],
    validators: [{ publicKey: validator, stake: '10' }],
    params: devnetParams,
  };
  const genesisFile = join(home.dir, 'own-genesis.json');
  writeFileSync(genesisFile, JSON.stringify(genesis));

  it('are shown as what they are', async () => {
    expect((await run('chain', 'bundle')).stdout).toMatch(/^signed by +0 of 1 validator$/m);
    expect((await run('chain', 'bundle', '99')).exitCode).toBe(4);
    expect((await run('chain', 'bundle', 'x')).exitCode).toBe(2);
  });

  it('of a node that lies are refused', async () => {
    const { exitCode, stderr } = await run('chain', 'verify', address, '--genesis', genesisFile);
    expect([exitCode, stderr.includes('is not proven')]).toEqual([7, true]);
  });

  it('need something to trust and something to prove', async () => {
    const none = await run('chain', 'verify', address);
    expect([none.exitCode, none.stderr.includes('--genesis')]).toEqual([2, true]);
    const what = await run('chain', 'verify', 'nobody', '--genesis', genesisFile);
    expect([what.exitCode, what.stderr.includes('neither an address')]).toEqual([2, true]);
    const trust = ['--genesis', genesisFile, '--trust', '7'];
    const odd = await run('chain', 'verify', address, ...trust);
    expect([odd.exitCode, odd.stderr.includes('a height, a colon')]).toEqual([2, true]);
    writeFileSync(join(home.dir, 'odd.json'), '{}');
    const file = await run('chain', 'verify', address, '--genesis', join(home.dir, 'odd.json'));
    expect([file.exitCode, file.stderr.includes('cannot be used')]).toEqual([2, true]);
  });
});
