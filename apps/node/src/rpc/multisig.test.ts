/** A shared account on a real node, as its members see it through the typed client. */
import {
  addressOf,
  type Hex,
  multisigIdOf,
  multisigProposalIdOf,
  multisigWishOf,
  type TxBody,
  type TxKind,
} from '@aitbc/protocol';
import { createNodeClient, type NodeClient } from '@aitbc/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainNode } from '../app.ts';
import {
  actor,
  codeOf,
  fund,
  makeFolder,
  nodeIn,
  resultOf,
  sendParams,
  signed,
  type TestFolder,
} from '../testing/test-node.ts';

const [ada, ben] = [actor(1), actor(2)];
const members = [ada, ben]
  .map(({ publicKey }) => ({ member: publicKey }))
  .sort((a, b) => (a.member < b.member ? -1 : 1));
const terms = { threshold: 2, members, salt: '5a'.repeat(32) };

let at: TestFolder;
let node: ChainNode;
let client: NodeClient;
let shared: Hex;
const nonces = new Map<Hex, number>();

async function send<K extends TxKind>(from: typeof ada, kind: K, body: TxBody<K>): Promise<void> {
  const nonce = nonces.get(from.publicKey) ?? 0;
  const tx = signed(at.network, from, { kind, body, nonce, fee: 20_000n });
  await resultOf(node.url as string, 'tx_sendAndWait', sendParams(tx));
  nonces.set(from.publicKey, nonce + 1);
}

beforeAll(async () => {
  at = makeFolder();
  node = nodeIn(at);
  await node.start();
  client = createNodeClient({ url: node.url as string });
  shared = multisigIdOf(at.network, ada.publicKey, terms);
  for (const one of [ada, ben]) await fund(node.url as string, one, 50_000_000_000n);
});
afterAll(async () => {
  await client.close();
  await node.stop();
  at.remove();
});

describe('a shared account over the wire', () => {
  it('is unknown before it is made, and shows its members afterwards, with a proof', async () => {
    const address = addressOf(shared);
    const url = node.url as string;
    expect(await codeOf(url, 'state_getMultisig', { address })).toBe('MULTISIG_UNKNOWN');
    expect(await codeOf(url, 'state_listProposals', { multisig: address })).toBe(
      'MULTISIG_UNKNOWN',
    );
    await send(ada, 'multisig_create', terms);
    await send(ada, 'transfer', { to: shared, amount: 7_000n, memo: '' });
    const found = await client.rpc.state_getMultisig({ address, proof: true });
    const { proof, ...shown } = found;
    expect(shown).toEqual({
      address,
      threshold: 2,
      members: members.map(({ member }) => addressOf(member)),
      version: 0,
    });
    expect((await client.rpc.state_getProof({ kind: 'multisig', address })).value).toBe(
      proof?.value,
    );
  });

  it('lists proposals so that a client can hash what it has read, and pays when they are approved', async () => {
    const operation = {
      kind: 'transfer',
      body: { to: actor(7).publicKey, amount: 5_000n, memo: '' },
    } as const;
    const expiresAtMs = (await client.rpc.chain_status({})).timeMs + 60_000;
    const wish = { multisig: shared, slot: 2, expiresAtMs, operations: [operation] };
    await send(ada, 'multisig_propose', wish);
    const { proposals } = await client.rpc.state_listProposals({ multisig: addressOf(shared) });
    const [proposal] = proposals;
    if (!proposal) throw new RangeError('no proposal');
    expect(proposal).toMatchObject({ state: 'open', over: null, slot: 2, number: 0 });
    expect(proposal.approvals).toEqual([addressOf(ada.publicKey)]);
    const read = multisigWishOf(proposal);
    expect(read).toEqual({ ...wish, proposer: ada.publicKey, number: 0 });
    expect(multisigProposalIdOf(at.network, read)).toBe(proposal.proposalId);
    const { proposalId } = proposal;
    const body = { multisig: shared, proposer: ada.publicKey, slot: 2, proposalId };
    await send(ben, 'multisig_approve', body);
    const payee = await client.rpc.state_getAccount({ address: addressOf(actor(7).publicKey) });
    expect(payee.balance).toBe('5000');
    const after = await client.rpc.state_listProposals({ multisig: addressOf(shared) });
    expect(after.proposals).toMatchObject([{ state: 'done', over: 'it is done', operations: [] }]);
    expect((await client.rpc.state_audit({})).problems).toEqual([]);
  });
});
