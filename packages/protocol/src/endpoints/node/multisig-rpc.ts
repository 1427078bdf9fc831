/**
 * Methods about shared accounts, and how a client reads a proposal. What a node says is not believed: the id of a
 * proposal is the hash of what it says, and `multisigWishOf` gives what is to be hashed. See docs/spec/chain.md, "Shared accounts".
 */
import { z } from 'zod';
import { unwrap } from '../../errors.ts';
import { zStateAnswer } from '../../proofs/schemas.ts';
import { accountIdOf, zAddress, zCount, zHash } from '../../scalars.ts';
import { type MultisigWish, txBodyFromJson } from '../../transactions.ts';
import { type RpcTable, rpcMethod } from '../endpoint.ts';

/** Who shares an account, and how many of them must agree. */
export const zMultisig = z.object({
  address: zAddress,
  threshold: zCount,
  members: z.array(zAddress),
  version: zCount.meta({ description: 'how many times its members changed' }),
});

/** A proposal in a slot of a member. One that is over has no operations. */
export const zMultisigProposal = z.object({
  proposalId: zHash,
  multisig: zAddress,
  proposer: zAddress,
  slot: zCount,
  number: zCount.meta({ description: 'how many proposals stood in the slot before' }),
  state: z.enum(['open', 'done', 'cancelled']),
  over: z.string().nullable().meta({ description: 'why it gets no approval any more' }),
  expiresAtMs: zCount,
  approvals: z.array(zAddress),
  operations: z.array(z.object({ kind: z.string(), body: z.record(z.string(), z.unknown()) })),
});

/** JSON form of a proposal. */
export type MultisigProposalJson = z.output<typeof zMultisigProposal>;

export const multisigRpc = {
  state_getMultisig: rpcMethod({
    summary: 'Members of a shared account. MULTISIG_UNKNOWN when there is none.',
    input: z.strictObject({ address: zAddress, proof: z.boolean().default(false) }),
    output: zMultisig.extend({ proof: zStateAnswer.optional() }),
  }),
  state_listProposals: rpcMethod({
    summary: 'What stands in the slots of the members of a shared account: open, done, cancelled.',
    input: z.strictObject({ multisig: zAddress }),
    output: z.object({ proposals: z.array(zMultisigProposal) }),
  }),
} as const satisfies RpcTable;

/** What a proposal says, of its JSON form; `multisigProposalIdOf` gives its id. Throws AppError when it is not valid. */
export function multisigWishOf(json: MultisigProposalJson): MultisigWish {
  const { multisig, proposer, slot, number, expiresAtMs, operations } = json;
  const body = unwrap(
    txBodyFromJson('multisig_propose', { multisig, slot, expiresAtMs, operations }),
  );
  return { ...body, proposer: unwrap(accountIdOf(proposer)), number };
}
