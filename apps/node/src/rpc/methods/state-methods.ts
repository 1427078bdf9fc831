import { type EntryKind, keyOf, nonceOf, partsOfKey } from '@aitbc/chain';
import {
  AppError,
  accountIdOf,
  channelToJson,
  type ErrorCode,
  type Facts,
  type Hex,
  laneIdOf,
  mandateIdOf,
  mandateToJson,
  type nodeRpc,
  type ParsedInputOf,
  unwrap,
  zeroHash,
} from '@aitbc/protocol';
import { accountToJson, agentToJson, providerToJson } from '../json-forms.ts';
import { taskToJson, validatorToJson } from '../work-forms.ts';
import { badRequest, type Handlers, type MethodDeps } from './deps.ts';
import type { Prover } from './prover.ts';
import { createEntryReader, type ReadEntry, stateAnswerJson } from './state-reads.ts';

type StateHandlers = Pick<
  Handlers,
  | 'state_getAccount'
  | 'state_getNonce'
  | 'state_getChannel'
  | 'state_getAgent'
  | 'state_getProvider'
  | 'state_getMandate'
  | 'state_getTask'
  | 'state_getValidator'
  | 'state_getProof'
>;

/** Methods that read one entry of the state. */
export function stateMethods(deps: MethodDeps, prover: Prover): StateHandlers {
  const read = createEntryReader(deps, prover);
  return { ...accountReads(deps, read), ...recordReads(deps, read), ...proofReads(prover) };
}

/** The entry, or the refusal that says that there is none. */
function known<T>(entry: T | undefined, code: ErrorCode, facts: Facts): T {
  if (entry !== undefined) return entry;
  throw new AppError(code, facts);
}

function accountReads(
  { opened, live, store }: MethodDeps,
  read: ReadEntry,
): Pick<StateHandlers, 'state_getAccount' | 'state_getNonce'> {
  const { network } = opened;
  const empty = { balance: 0n, nonce: 0, vault: 0n };
  return {
    async state_getAccount({ address, proof }, { signal }) {
      const id = unwrap(accountIdOf(address));
      const { entry = empty, more } = await read({ kind: 'account', id, proof }, signal);
      const pendingNonce = live.replica.pendingNonce(id);
      return { ...accountToJson(id, entry), pendingNonce, ...more };
    },
    async state_getNonce({ address, lane, proof }, { signal }) {
      const from = unwrap(accountIdOf(address));
      const pendingNonce = lane === 0 ? live.replica.pendingNonce(from) : null;
      if (!proof) {
        return { address, lane, nonce: nonceOf(store, network, { from, lane }), pendingNonce };
      }
      const { entry, more } =
        lane === 0
          ? await read({ kind: 'account', id: from, proof }, signal)
          : await read({ kind: 'lane', id: laneIdOf(network, from, lane), proof }, signal);
      return { address, lane, nonce: entry?.nonce ?? 0, pendingNonce, ...more };
    },
  };
}

function recordReads(
  { opened }: MethodDeps,
  read: ReadEntry,
): Omit<StateHandlers, 'state_getAccount' | 'state_getNonce' | 'state_getProof'> {
  return {
    async state_getChannel({ channelId, proof }, { signal }) {
      const { entry, more } = await read({ kind: 'channel', id: channelId, proof }, signal);
      return { ...channelToJson(known(entry, 'CHANNEL_UNKNOWN', { channelId })), ...more };
    },
    async state_getAgent({ address, proof }, { signal }) {
      const id = unwrap(accountIdOf(address));
      const { entry, more } = await read({ kind: 'agent', id, proof }, signal);
      return { ...agentToJson(id, known(entry, 'AGENT_UNKNOWN', { account: address })), ...more };
    },
    async state_getProvider({ address, proof }, { signal }) {
      const id = unwrap(accountIdOf(address));
      const { entry, more } = await read({ kind: 'provider', id, proof }, signal);
      const provider = known(entry, 'PROVIDER_UNKNOWN', { account: address });
      return { ...providerToJson(id, provider), ...more };
    },
    async state_getMandate({ owner, subKey, proof }, { signal }) {
      const [ownerId, keyId] = [unwrap(accountIdOf(owner)), unwrap(accountIdOf(subKey))];
      const id = mandateIdOf(opened.network, ownerId, keyId);
      const { entry, more } = await read({ kind: 'mandate', id, proof }, signal);
      return { ...mandateToJson(known(entry, 'MANDATE_UNKNOWN', { owner, subKey })), ...more };
    },
    async state_getTask({ taskId, proof }, { signal }) {
      const { entry, more } = await read({ kind: 'task', id: taskId, proof }, signal);
      return { ...taskToJson(taskId, known(entry, 'TASK_UNKNOWN', { taskId })), ...more };
    },
    async state_getValidator({ validator, proof }, { signal }) {
      const { entry, more } = await read({ kind: 'validator', id: validator, proof }, signal);
      const found = known(entry, 'VALIDATOR_UNKNOWN', { validator });
      return { ...validatorToJson(validator, found), ...more };
    },
  };
}

function proofReads(prover: Prover): Pick<StateHandlers, 'state_getProof'> {
  return {
    state_getProof: async (wish, { signal }) =>
      stateAnswerJson(await prover.prove(keyOfWish(wish), signal)),
  };
}

type ProofWish = ParsedInputOf<typeof nodeRpc.state_getProof>;

/** Kinds that stand under the id of an account. */
const accountKinds: readonly EntryKind[] = [
  'account',
  'agent',
  'provider',
  'expiring',
  'formerKey',
  'multisig',
];
/** Kinds with one entry, whose id is zeros. */
const singleKinds: readonly EntryKind[] = [
  'valset',
  'roster',
  'burned',
  'overrides',
  'upgrade',
  'docket',
  'standstill',
];

/** Key that a caller names. Throws BAD_REQUEST. */
function keyOfWish({ key, kind, id, address }: ProofWish): string {
  const named = [id, address].filter((part) => part !== undefined).length;
  if (key !== undefined) {
    if (kind !== undefined || named > 0) throw badRequest('give key alone, or kind');
    return checkedKey(key);
  }
  if (kind === undefined) throw badRequest('give key or kind');
  if (singleKinds.includes(kind) && named === 0) return keyOf(kind, zeroHash);
  if (named !== 1) throw badRequest(`${kind}: give id or address, one of them`);
  if (address === undefined) return keyOf(kind, id as Hex);
  if (!accountKinds.includes(kind)) throw badRequest(`${kind}: no address leads to it, give id`);
  return keyOf(kind, unwrap(accountIdOf(address)));
}

function checkedKey(key: string): string {
  try {
    const { kind, id } = partsOfKey(key);
    return keyOf(kind, id);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw badRequest('key: expected the letter of a kind and 64 lower-case hex digits');
  }
}
