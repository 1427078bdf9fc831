/** Methods about shared accounts. */
import { entryOf, type MultisigProposalState, overReasonOf } from '@aitbc/chain';
import {
  AppError,
  accountIdOf,
  addressOf,
  type Fields,
  limits,
  type MultisigProposalJson,
  multisigSlotIdOf,
  recordToJson,
  txKinds,
  unwrap,
} from '@aitbc/protocol';
import type { Handlers, MethodDeps } from './deps.ts';
import type { Prover } from './prover.ts';
import { createEntryReader } from './state-reads.ts';

/** The handlers of these methods. */
export function multisigMethods(
  deps: MethodDeps,
  prover: Prover,
): Pick<Handlers, 'state_getMultisig' | 'state_listProposals'> {
  const { store, opened, live } = deps;
  const read = createEntryReader(deps, prover);
  return {
    async state_getMultisig({ address, proof }, { signal }) {
      const id = unwrap(accountIdOf(address));
      const { entry, more } = await read({ kind: 'multisig', id, proof }, signal);
      if (!entry) throw new AppError('MULTISIG_UNKNOWN', { account: address });
      const members = entry.members.map(({ member }) => addressOf(member));
      return { address, threshold: entry.threshold, members, version: entry.version, ...more };
    },
    state_listProposals({ multisig: address }) {
      const multisig = unwrap(accountIdOf(address));
      const account = entryOf(store, 'multisig', multisig);
      if (!account) throw new AppError('MULTISIG_UNKNOWN', { account: address });
      const { timeMs } = live.head().header;
      const slots = Array.from({ length: limits.multisigSlots }, (_, slot) => slot);
      const proposals = account.members.flatMap(({ member: proposer }) =>
        slots.flatMap((slot) => {
          const id = multisigSlotIdOf(opened.network, { multisig, proposer, slot });
          const found = entryOf(store, 'multisigProposal', id);
          if (!found) return [];
          return [proposalToJson(found, overReasonOf(found, account, timeMs) ?? null)];
        }),
      );
      return { proposals };
    },
  };
}

function proposalToJson(found: MultisigProposalState, over: string | null): MultisigProposalJson {
  const { proposalId, slot, number, state, expiresAtMs, approvals, operations } = found;
  const multisig = addressOf(found.multisig);
  return {
    ...{ proposalId, multisig, proposer: addressOf(found.proposer) },
    ...{ slot, number, state, over, expiresAtMs },
    approvals: approvals.map(({ member }) => addressOf(member)),
    operations: operations.map(({ kind, body }) => {
      return { kind, body: recordToJson<Fields>(txKinds[kind].fields, body) };
    }),
  };
}
