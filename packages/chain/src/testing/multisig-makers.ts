/** Moves of random histories that make shared accounts, propose, approve and take back. */
import {
  type Hex,
  type MultisigOperation,
  type SignedTx,
  type TxBody,
  zeroHash,
} from '@aitbc/protocol';
import { entryOfPair } from '../entries.ts';
import type { MultisigProposalState, MultisigState } from '../multisig-entries.ts';
import type { WorkScene } from './work-makers.ts';
import type { Actor, World } from './world.ts';

/** Members and threshold; `roll` chooses, now and then what cannot be. */
export function sharingOf(actors: readonly Actor[], roll: bigint): TxBody<'multisig_change'> {
  const left = actors.filter((_, at) => at !== Number(roll % BigInt(actors.length + 1)));
  const members = left.map(({ id }) => ({ member: id }));
  const isSorted = roll % 17n !== 0n;
  if (isSorted) members.sort((a, b) => (a.member < b.member ? -1 : 1));
  const threshold = roll % 13n === 0n ? 0 : 1 + Number(roll % BigInt(members.length));
  return { threshold, members: roll % 19n === 0n ? members.slice(0, 1) : members };
}

function accountsOf({ state }: World): (readonly [Hex, MultisigState])[] {
  return [...state].flatMap(([key, value]) => {
    const pair = key.startsWith('h') ? entryOfPair(key, value) : undefined;
    return pair?.kind === 'multisig' ? [[pair.id, pair.entry] as const] : [];
  });
}

function proposalsOf({ state }: World): MultisigProposalState[] {
  return [...state].flatMap(([key, value]) => {
    const pair = key.startsWith('i') ? entryOfPair(key, value) : undefined;
    return pair?.kind === 'multisigProposal' ? [pair.entry] : [];
  });
}

function pick<T>(rows: readonly T[], roll: bigint): T | undefined {
  return rows[Number(roll % BigInt(rows.length || 1))];
}

/** What the account would do: pay, fill its vault and a channel, take other members, or what is refused. */
function operationsOf(scene: WorkScene, multisig: Hex): MultisigOperation[] {
  const { to, amount, part, allocation, world } = scene;
  const pay = (sum: bigint, receiver = to.id): MultisigOperation => {
    return { kind: 'transfer', body: { to: receiver, amount: sum, memo: '' } };
  };
  const choices: readonly (readonly MultisigOperation[])[] = [
    [pay(amount)],
    [pay(part + 1n), pay(1n)],
    [
      { kind: 'vault_deposit', body: { amount: part + 9n, allocations: [] } },
      { kind: 'channel_fund', body: { ...allocation, amount: part + 1n } },
    ],
    [{ kind: 'multisig_change', body: sharingOf(world.actors, amount / 3n) }],
    [{ kind: 'vault_withdraw', body: { amount: amount + 1n } }],
    [pay(1n), pay(1n, multisig)],
    [],
    [pay(2n ** 64n - 1n), pay(part)],
  ];
  const at = amount % 5n === 0n ? Number(amount % 8n) : Number(amount % 4n);
  return [...(choices[at] ?? [])];
}

/** Makers of these kinds. */
export const multisigMakers = {
  multisig_create({ world, from, salt, amount }: WorkScene): SignedTx {
    const sharing = sharingOf(world.actors, amount % 40n);
    return world.tx('multisig_create', from, { ...sharing, salt: `${salt}`.padStart(64, '0') });
  },
  multisig_propose(scene: WorkScene): SignedTx {
    const { world, from, amount, other } = scene;
    const [multisig, account] = pick(accountsOf(world), amount) ?? [zeroHash, undefined];
    const member = pick(account?.members ?? [], BigInt(other))?.member;
    const by = amount % 12n === 0n ? from : actorOrNone(world, member);
    const spanMs = amount % 11n === 0n ? 0 : 1_000 + 1_000 * Number(amount % 9n);
    return world.tx('multisig_propose', by ?? from, {
      multisig: amount % 37n === 0n ? from.id : multisig,
      slot: Number(amount % 9n) % 5,
      expiresAtMs: world.context().timeMs + spanMs,
      operations: operationsOf(scene, multisig),
    });
  },
  multisig_approve(scene: WorkScene): SignedTx {
    const { world, from, amount } = scene;
    const { proposal, body } = pickProposal(scene, amount % 8n === 0n);
    const approved = proposal?.approvals.map(({ member }) => member) ?? [];
    const others = world.actors.filter(({ id }) => !approved.includes(id));
    return world.tx(
      'multisig_approve',
      amount % 9n === 0n ? from : (pick(others, amount) ?? from),
      body,
    );
  },
  multisig_cancel(scene: WorkScene): SignedTx {
    const { world, from, amount } = scene;
    const { proposal, body } = pickProposal(scene, amount % 4n === 0n);
    const approver = actorOrNone(world, pick(proposal?.approvals ?? [], amount)?.member);
    return world.tx('multisig_cancel', amount % 3n === 0n ? from : (approver ?? from), body);
  },
  multisig_change: ({ world, from, amount }: WorkScene): SignedTx =>
    world.tx('multisig_change', from, sharingOf(world.actors, amount)),
};

function actorOrNone({ actors }: World, id: Hex | undefined): Actor | undefined {
  return actors.find((actor) => actor.id === id);
}

/** A proposal, one that is over too if that is wanted, and the body that names it, now and then wrongly. */
function pickProposal({ world, amount }: WorkScene, isAnyState: boolean) {
  const found = proposalsOf(world).filter(({ state }) => isAnyState || state === 'open');
  const proposal = pick(found, amount / 2n);
  const { multisig, proposer, slot, proposalId } = proposal ?? none;
  const body = { multisig, proposer, slot, proposalId };
  return { proposal, body: amount % 23n === 0n ? { ...body, proposalId: zeroHash } : body };
}

const none = { multisig: zeroHash, proposer: zeroHash, slot: 0, proposalId: zeroHash } as const;
