/** Accounts without a key, and approvals that are read before they are signed. */
import { addressOf, type MultisigOperation, type TxBody, type UnsignedTx } from '@aitbc/protocol';
import { afterEach, expect, test } from 'vitest';
import {
  createWalletKit,
  otherMember,
  password,
  proposalOf,
  sharedId,
  transfer,
  unsignedOf,
} from './testing/wallet-kit.ts';

const kit = createWalletKit();
const { wallet, withAccount } = kit;
afterEach(() => kit.stopAll());

const sharedAddress = addressOf(sharedId);
const watchedAddress = addressOf('77'.repeat(32));
const pay = (amount: bigint): MultisigOperation => {
  return { kind: 'transfer', body: { to: 'cd'.repeat(32), amount, memo: '' } };
};
const approval = (address: string, body: TxBody<'multisig_approve'>, nonce = 0): string =>
  unsignedOf(address, { kind: 'multisig_approve', body, nonce } as Partial<UnsignedTx>);

test('an account that is only watched has a kind and a label, and signs nothing', async () => {
  const { admin } = await withAccount();
  const watched = { address: watchedAddress, label: 'cold', kind: 'watch' as const };
  expect(await admin.watchAccount(watched)).toMatchObject({ ...watched, unlockedUntilMs: null });
  const { accounts } = await admin.listAccounts({});
  expect(accounts.map(({ kind, label }) => [kind, label])).toEqual([
    ['key', 'main'],
    ['watch', 'cold'],
  ]);
  const refusal = {
    code: 'WALLET_WATCH_ONLY',
    facts: { account: watchedAddress, fix: expect.stringContaining('aitbc wallet import') },
  };
  const address = watchedAddress;
  const calls = [
    admin.sign({ address, tx: transfer(address) }),
    admin.unlock({ address, password }),
    admin.lock({ address }),
    admin.exportAccount({ address }),
  ];
  for (const call of calls) await expect(call).rejects.toMatchObject(refusal);
  expect((await admin.log({})).entries).toEqual([]);
});

test('an account without a key can be forgotten, one with a key cannot', async () => {
  const { admin, address } = await withAccount();
  await admin.watchAccount({ address: watchedAddress, label: 'cold' });
  await admin.forgetAccount({ address: watchedAddress });
  const again = admin.forgetAccount({ address: watchedAddress });
  await expect(again).rejects.toMatchObject({ code: 'WALLET_ACCOUNT_UNKNOWN' });
  await expect(admin.forgetAccount({ address })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect((await admin.listAccounts({})).accounts).toMatchObject([{ address }]);
});

test('an account is known once, and its key takes the place of the watching', async () => {
  const { admin, address } = await withAccount();
  const exists = { code: 'WALLET_ACCOUNT_EXISTS' };
  await expect(admin.watchAccount({ address, label: 'x' })).rejects.toMatchObject(exists);
  const { admin: second } = await wallet();
  await second.watchAccount({ address, label: 'x' });
  await expect(second.watchAccount({ address, label: 'y' })).rejects.toMatchObject(exists);
  const { keystore } = await admin.exportAccount({ address });
  await second.importFile({ label: 'mine', password, keystore });
  const { accounts } = await second.listAccounts({});
  expect(accounts).toMatchObject([{ address, label: 'mine', kind: 'key' }]);
  await second.unlock({ address, password });
});

test('a shared account must be one on chain, and shows its proposals in words', async () => {
  const { admin, address, answers } = await withAccount();
  const unknown = admin.watchAccount({ address: watchedAddress, label: 'x', kind: 'shared' });
  await expect(unknown).rejects.toMatchObject({ code: 'MULTISIG_UNKNOWN' });
  answers.members = [address, addressOf(otherMember)];
  answers.proposals = [proposalOf([pay(7_000_000_000n), pay(5n)]).shown];
  await admin.watchAccount({ address: sharedAddress, label: 'team', kind: 'shared' });
  const shown = await admin.proposals({ address: sharedAddress });
  expect(shown).toMatchObject({
    threshold: 2,
    members: [
      { address, label: 'main' },
      { address: addressOf(otherMember), label: null },
    ],
    proposals: [{ state: 'open', heldMembers: [address] }],
  });
  expect(shown.proposals[0]?.description).toMatch(/^Send 7 AIT to ait1\w+\. Send 0\.000000005 AIT/);
  const sign = admin.sign({ address: sharedAddress, tx: transfer(sharedAddress) });
  await expect(sign).rejects.toMatchObject({
    code: 'WALLET_WATCH_ONLY',
    facts: { fix: expect.stringContaining('aitbc wallet multisig') },
  });
});

test('an approval is signed with the words of what it approves, in the answer and in the log', async () => {
  const { admin, address, answers } = await withAccount();
  const { shown, body } = proposalOf([pay(7_000_000_000n)]);
  answers.proposals = [shown];
  const { description } = await admin.sign({ address, tx: approval(address, body) });
  expect(description).toMatch(
    /^Approve what .+ It does this: Send 7 AIT to ait1\w+\. Fee: 0\.00000001 AIT\.$/,
  );
  expect((await admin.log({})).entries[0]?.description).toBe(description);
});

test('nothing is approved blindly: a node that hides, changes or breaks a proposal gets no signature', async () => {
  const { admin, address, answers } = await withAccount();
  const { shown, body } = proposalOf([pay(7n)]);
  const cheap = proposalOf([pay(1n)]).shown;
  const lies = [
    [],
    [cheap],
    [{ ...shown, operations: cheap.operations }],
    [{ ...shown, proposalId: cheap.proposalId }],
    [{ ...shown, slot: 2 }],
    [{ ...shown, state: 'done' as const }],
    [{ ...shown, operations: [{ kind: 'transfer', body: { nonsense: 1 } }] }],
    [{ ...shown, operations: [{ kind: 'multisig_approve', body: {} }] }],
  ];
  for (const proposals of lies) {
    answers.proposals = proposals;
    await expect(admin.sign({ address, tx: approval(address, body) })).rejects.toMatchObject({
      code: 'WALLET_PROPOSAL_UNREAD',
    });
  }
  expect((await admin.log({})).entries).toEqual([]);
});

test('a token approves only kinds, accounts and amounts that it may spend itself', async () => {
  const { admin, address, answers, client } = await withAccount();
  const { shown, body } = proposalOf([pay(25n)]);
  answers.proposals = [shown];
  const tx = approval(address, body);
  const tokenWith = async (
    accounts: string[],
    kinds: UnsignedTx['kind'][],
    amountPerDay: string,
  ) => {
    const { token } = await admin.createToken({
      label: 'a',
      scopes: { accounts, kinds, amountPerDay },
    });
    return client(token);
  };
  const both = [address, sharedAddress];
  const refusals = await Promise.all([
    tokenWith([address], ['multisig_approve', 'transfer'], '100'),
    tokenWith(both, ['multisig_approve'], '100'),
    tokenWith(both, ['transfer'], '100'),
    tokenWith(both, ['multisig_approve', 'transfer'], '34'),
  ]);
  for (const agent of refusals) {
    await expect(agent.sign({ address, tx })).rejects.toMatchObject({ code: 'WALLET_SCOPE' });
  }
  const agent = await tokenWith(both, ['multisig_approve', 'transfer', 'multisig_change'], '35');
  await agent.sign({ address, tx });
  expect((await agent.log({})).entries).toHaveLength(1);
  const members = [{ member: otherMember }, { member: 'd0'.repeat(32) }];
  const coup = proposalOf([{ kind: 'multisig_change', body: { threshold: 1, members } }]);
  answers.proposals = [coup.shown];
  const change = agent.sign({ address, tx: approval(address, coup.body) });
  await expect(change).rejects.toMatchObject({
    code: 'WALLET_SCOPE',
    facts: { reason: expect.stringContaining('other members') },
  });
  await admin.sign({ address, tx: approval(address, coup.body) });
});
