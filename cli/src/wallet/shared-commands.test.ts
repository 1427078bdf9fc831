/** Commands on keystores, tokens, the log and shared accounts, against servers that remember what they were asked. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64, bytesFromBase64, hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  addressOf,
  decodeTx,
  decodeUnsignedTx,
  type MultisigOperation,
  multisigIdOf,
  multisigProposalIdOf,
  networkFromHash,
  nodeRpc,
  type SignedTx,
  signTx,
  txToJson,
  unwrap,
  walletEndpoints,
} from '@aitbc/protocol';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { walletOutputs } from '../output/wallet.ts';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome, type RunOptions } from '../testing/run-words.ts';
import { sampleGenesisHash } from '../testing/sample-proof.ts';
import {
  serveNode,
  serveTable,
  type TableHandlers,
  type TestServer,
} from '../testing/table-server.ts';
import type { SharedProposal } from './shared-account.ts';

const home = createTestHome();
afterAll(() => home.remove());

const network = networkFromHash('test', sampleGenesisHash);
const pair = keyPairFromSeed(new Uint8Array(32).fill(9));
const own = addressOf(hex(pair.publicKey));
const other = addressOf('11'.repeat(32));
const sharedId = '5a'.repeat(32);
const shared = addressOf(sharedId);
const env = { AITBC_WALLET_TOKEN: 'secret-token', AITBC_WALLET_PASSWORD: 'correct horse' };
const account = {
  address: own,
  label: 'main',
  kind: 'key' as const,
  createdAtMs: 1,
  unlockedUntilMs: null,
};
const team = { ...account, address: shared, label: 'team', kind: 'shared' as const };
const signature = {
  number: 1,
  atMs: 60_000,
  address: own,
  token: 'admin',
  description: 'Send 1 AIT.',
};

let proposals: SharedProposal[] = [];
let sent: SignedTx[] = [];

/** An open proposal in a slot. */
function proposed(slot: number, proposer = other, changes: Partial<SharedProposal> = {}) {
  const { proposalId = `${slot}d`.repeat(32), ...rest } = changes;
  return {
    ...{ proposalId, multisig: shared, proposer, slot, number: 0, state: 'open' as const },
    ...{ over: null, expiresAtMs: 90_000, approvals: [proposer], description: 'Send 7 AIT.' },
    heldMembers: proposer === own ? [] : [own],
    ...rest,
  };
}

const walletHandlers: TableHandlers<typeof walletEndpoints> = {
  listAccounts: () => ({ accounts: [account, team] }),
  exportAccount: () => ({ keystore: { format: 'aitbc-keystore' } }),
  importFile: () => ({ address: own }),
  watchAccount: ({ address, label, kind }) => ({ ...account, address, label, kind }),
  forgetAccount: ({ address }) => ({ address }),
  createToken: () => ({ tokenId: 'abcd', token: 'aitw_secret' }),
  listTokens: () => ({
    tokens: [
      {
        ...{ tokenId: 'abcd', label: 'shop', createdAtMs: 1, spentToday: '2000000000' },
        scopes: {
          admin: false,
          read: true,
          accounts: [own],
          kinds: ['transfer'],
          amountPerDay: '5000000000',
        },
      },
    ],
  }),
  deleteToken: () => ({}),
  log: () => ({
    entries: ['aa', 'bb', 'cc'].map((byte) => ({ ...signature, txId: byte.repeat(32) })),
    next: null,
  }),
  proposals: () => ({
    ...{ address: shared, threshold: 2, proposals },
    members: [
      { address: own, label: 'main' },
      { address: other, label: null },
    ],
  }),
  sign({ tx }) {
    const unsigned = unwrap(decodeUnsignedTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
    const signed = signTx(network, unsigned, pair.secretKey);
    const decoded = txToJson(unsigned);
    const { txId } = signed;
    return { tx: base64(signed.bytes), txId, description: 'Does this.', decoded, effects: [] };
  },
};

let wallet: TestServer;
let node: TestServer;
beforeEach(async () => {
  [proposals, sent] = [[], []];
  wallet = await serveTable(walletEndpoints, walletHandlers);
  node = await serveNode(nodeRpc, {
    chain_status: () => chainStatus(),
    state_getAccount: ({ address }) => {
      return { address, balance: '9000000000', nonce: 0, vault: '0', pendingNonce: 0 };
    },
    tx_get({ txId }) {
      if (txId.startsWith('cc')) throw new AppError('NOT_FOUND', { what: 'transaction' });
      const tx = {
        kind: 'transfer' as const,
        from: own,
        nonce: 0,
        validUntil: 0,
        fee: '1',
        body: {},
      };
      const receipt = { txId, height: 7, index: 0, kind: tx.kind, from: own, fee: '1' };
      return txId.startsWith('aa')
        ? { status: 'final', tx, receipt, blockHash: '0d'.repeat(32) }
        : { status: 'accepted', tx, receipt: null, blockHash: null };
    },
    tx_sendAndWait({ tx }) {
      const signed = unwrap(decodeTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
      sent.push(signed);
      const { txId, kind } = signed;
      const shown = txToJson(signed);
      const receipt = { txId, height: 12, index: 0, kind, from: shown.from, fee: shown.fee };
      return { status: 'final', tx: shown, receipt, blockHash: '0d'.repeat(32) };
    },
  });
});
afterEach(() => Promise.all([wallet.close(), node.close()]));

const run = (words: string, options: RunOptions = {}) =>
  home.run([...words.split(' '), '--wallet-url', wallet.url, '--node-url', node.url], {
    ...options,
    env: { ...env, ...options.env },
  });

/** The JSON of a command, held against its schema. */
async function json(command: string, words: string): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await run(`${command} ${words} --json`.replace('  ', ' '));
  expect(stderr).toBe('');
  const value = JSON.parse(stdout) as Record<string, unknown>;
  expect(walletOutputs[command]?.safeParse(value).error).toBeUndefined();
  return value;
}

it('an export is a private file that is never written over, and an import brings its account back', async () => {
  const file = join(home.dir, 'main.json');
  expect(await json('wallet export', `main --file ${file}`)).toEqual({ address: own, file });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ format: 'aitbc-keystore' });
  const again = await run(`wallet export main --file ${file}`);
  expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining('cannot be written')]);
  expect(await json('wallet import', `back ${file}`)).toEqual({ label: 'back', address: own });
  expect(wallet.calls.at(-1)?.input).toMatchObject({ password: 'correct horse', label: 'back' });
  writeFileSync(join(home.dir, 'broken.json'), '{"format"');
  const broken = await run(`wallet import back ${join(home.dir, 'broken.json')}`);
  expect([broken.exitCode, broken.stderr]).toEqual([2, expect.stringContaining('no keystore')]);
});

it('accounts without a key have a place in lists, and are not taken for the only one', async () => {
  expect(await json('wallet watch', `${other} cold`)).toMatchObject({
    kind: 'watch',
    label: 'cold',
  });
  expect(await json('wallet watch', `${shared} team --shared`)).toMatchObject({ kind: 'shared' });
  expect(await json('wallet forget', 'team')).toEqual({ address: shared });
  const { stdout } = await run('wallet list');
  expect(stdout).toMatch(/team +ait1\w+ +shared/);
  expect((await run('wallet lock')).stderr).not.toContain('2 accounts');
});

it('history tells what became of each signature, and the log who asked for it', async () => {
  const { transactions } = await json('wallet history', 'main');
  expect(transactions).toMatchObject([
    { state: 'final', height: 7 },
    { state: 'waiting', height: null },
    { state: 'unknown', height: null },
  ]);
  expect((await run('wallet history main --limit 2')).stdout).toMatch(
    /1970-01-01 00:01 UTC +block 7/,
  );
  expect((await json('wallet log', '')).entries).toHaveLength(3);
  expect((await run('wallet log')).stdout).toContain('Send 1 AIT.');
});

it('a token is made with limits, listed and revoked; a kind that is misspelt gets the nearest one', async () => {
  const words = 'shop --accounts main --kinds transfer,vault_deposit --per-day 5';
  expect(await json('wallet token create', words)).toMatchObject({ token: 'aitw_secret' });
  expect(wallet.calls.at(-1)?.input).toMatchObject({
    label: 'shop',
    scopes: { accounts: [own], kinds: ['transfer', 'vault_deposit'], amountPerDay: '5000000000' },
  });
  const wrong = await run('wallet token create shop --accounts main --kinds tranfer');
  expect([wrong.exitCode, wrong.stderr]).toEqual([
    2,
    expect.stringContaining('Did you mean transfer?'),
  ]);
  expect((await run('wallet token list')).stdout).toMatch(
    /abcd +shop +1 account +transfer +5 AIT +2 AIT/,
  );
  await json('wallet token list', '');
  expect(await json('wallet token revoke', 'abcd')).toEqual({ tokenId: 'abcd' });
});

it('a shared account is made with its members in order, and known afterwards', async () => {
  const made = await json(
    'wallet multisig create',
    `team --members main,${other} --threshold 2 --account main --yes`,
  );
  const [tx] = sent;
  if (tx?.kind !== 'multisig_create') throw new RangeError('nothing was sent');
  const ids = [own, other].map((address) => unwrap(accountIdOf(address)));
  expect(tx.body.members.map(({ member }) => member)).toEqual(ids.sort());
  expect(made.address).toBe(addressOf(multisigIdOf(network, tx.from, tx.body)));
  expect(wallet.calls.at(-1)).toMatchObject({
    what: 'watchAccount',
    input: { address: made.address, kind: 'shared' },
  });
  expect((await json('wallet multisig list', '')).accounts).toMatchObject([
    { label: 'team', open: 0 },
  ]);
});

it('a payment is proposed in a free slot, under the id that its content has', async () => {
  proposals = [
    proposed(0, own),
    proposed(1, own, { over: 'it is done', state: 'done', number: 4 }),
  ];
  const { proposalId } = await json(
    'wallet multisig propose-send',
    `team ${other} 2.5 --hours 2 --yes`,
  );
  const [tx] = sent;
  if (tx?.kind !== 'multisig_propose') throw new RangeError('nothing was sent');
  const pay: MultisigOperation = {
    kind: 'transfer',
    body: { to: '11'.repeat(32), amount: 2_500_000_000n, memo: '' },
  };
  expect(tx.body).toMatchObject({ multisig: sharedId, slot: 1, operations: [pay] });
  expect(tx.fee).toBe(1_200n); // flat, and one operation
  const wish = { ...tx.body, proposer: tx.from, number: 5 };
  expect(proposalId).toBe(multisigProposalIdOf(network, wish));
  proposals = [0, 1, 2, 3].map((slot) => proposed(slot, own));
  const full = await run(`wallet multisig propose-send team ${other} 1`);
  expect([full.exitCode, full.stderr]).toEqual([2, expect.stringContaining('4 open proposals')]);
});

it('a proposal is shown in words, approved by the beginning of its id, and cancelled by who may', async () => {
  proposals = [proposed(2)];
  const shown = await run('wallet multisig show team');
  expect(shown.stdout).toMatch(/2 of 2/);
  expect(shown.stdout).toMatch(
    /2d2d2d2d2d2d… +1 of 2 agree, waits for you; until 1970-01-01 00:01 UTC\nSend 7 AIT\./,
  );
  await json('wallet multisig show', 'team --all');
  expect(await json('wallet multisig approve', 'team 2d2d --yes')).toMatchObject({ missing: 0 });
  const body = {
    multisig: sharedId,
    proposer: '11'.repeat(32),
    slot: 2,
    proposalId: '2d'.repeat(32),
  };
  expect(sent[0]).toMatchObject({ kind: 'multisig_approve', body });
  const unknown = await run('wallet multisig approve team ffff');
  expect([unknown.exitCode, unknown.stderr]).toEqual([
    4,
    expect.stringContaining('no proposal ffff'),
  ]);
  proposals = [proposed(2, other, { approvals: [other, own], heldMembers: [] })];
  expect(await json('wallet multisig cancel', 'team 2d2d --yes')).toMatchObject({ whole: false });
  const done = await run('wallet multisig approve team 2d2d');
  expect([done.exitCode, done.stderr]).toEqual([2, expect.stringContaining('No member')]);
  proposals = [proposed(2, own)];
  expect(await json('wallet multisig cancel', 'team 2d2d --yes')).toMatchObject({ whole: true });
  proposals = [proposed(2, own), proposed(3, own, { proposalId: '2d'.repeat(31).concat('ff') })];
  const two = await run('wallet multisig cancel team 2d2d');
  expect(two.stderr).toContain('fits 2 proposals');
  const wrong = await run('wallet multisig show main');
  expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining('no shared account')]);
});
