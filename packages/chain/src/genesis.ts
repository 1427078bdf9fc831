/**
 * The first block: what a genesis document turns into. It has height 0, nobody proposed it, and it needs no
 * votes, because its hash follows from the document. Stakes are coins of the supply like balances.
 * See docs/spec/chain.md, "Genesis".
 */
import { amountFromText, amountMax, bytesFromHex, isSafePublicKey } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  type BlockHeader,
  blockHashOf,
  type Genesis,
  type Hex,
  limits,
  networkFromGenesis,
  paramsFaultOf,
  unwrap,
  type Validator,
  validatorsHashOf,
  zeroHash,
} from '@aitbc/protocol';
import { headerVersion, timeMsMax } from './block.ts';
import { emptyAccount, encodeEntry, keyOf, type StateKey } from './entries.ts';
import { compareSeats } from './epoch/validator-set.ts';
import { createStateTree, type StateTree } from './tree/tree.ts';

/** The first block and the state after it. */
export interface GenesisBlock {
  readonly header: BlockHeader;
  readonly hash: Hex;
  readonly writes: ReadonlyMap<StateKey, Uint8Array>;
  readonly tree: StateTree;
}

/** Validator set of a genesis document, in the order of its votes. Throws AppError CONFIG_INVALID. */
export function validatorsOf(genesis: Genesis): Validator[] {
  const validators = genesis.validators.map(({ publicKey, stake: text }) => {
    const key = bytesFromHex(publicKey, 32);
    const stake = amountFromText(text);
    if (!key || !isSafePublicKey(key)) throw broken(`validator key ${publicKey} cannot sign`);
    if (stake === undefined || stake === 0n) throw broken(`the stake of ${publicKey} is no amount`);
    return { publicKey, stake };
  });
  const keys = new Set(validators.map(({ publicKey }) => publicKey));
  if (keys.size !== validators.length) throw broken('a validator stands in it twice');
  if (validators.length === 0 || validators.length > limits.validators) {
    throw broken(`it has ${validators.length} validators, not 1 to ${limits.validators}`);
  }
  return validators.sort(compareSeats);
}

/** Coins of a genesis document, nait: balances and stakes. Throws AppError CONFIG_INVALID, or ADDRESS_INVALID. */
export function supplyOf(genesis: Genesis): bigint {
  const inBalances = balancesOf(genesis).reduce((sum, [, balance]) => sum + balance, 0n);
  const supply = validatorsOf(genesis).reduce((sum, { stake }) => sum + stake, inBalances);
  if (supply > amountMax) throw broken('the supply is above 2^64-1 nait');
  return supply;
}

/** Entries of a genesis document in key order. Throws AppError CONFIG_INVALID, or ADDRESS_INVALID. */
export function genesisWrites(genesis: Genesis): Map<StateKey, Uint8Array> {
  supplyOf(genesis);
  const rows: [StateKey, Uint8Array][] = [
    ...balancesOf(genesis).map(([id, balance]): [StateKey, Uint8Array] => [
      keyOf('account', id),
      encodeEntry('account', { ...emptyAccount, balance }),
    ]),
    ...stakingRowsOf(genesis),
  ];
  const writes = new Map(rows.sort(([a], [b]) => (a < b ? -1 : 1)));
  if (writes.size !== rows.length) throw broken('an account stands in it twice');
  return writes;
}

function stakingRowsOf(genesis: Genesis): [StateKey, Uint8Array][] {
  const members = validatorsOf(genesis);
  const keys = members.map(({ publicKey }) => ({ validator: publicKey }));
  return [
    ...genesis.validators.map(({ publicKey, stake, owner }): [StateKey, Uint8Array] => {
      const entry = encodeEntry('validator', {
        owner: owner === undefined ? publicKey : unwrap(accountIdOf(owner)),
        stake: BigInt(stake),
        leaving: 0n,
        leavingDueMs: 0,
        jailedUntilMs: 0,
        missedViews: 0,
        slashed: false,
      });
      return [keyOf('validator', publicKey), entry];
    }),
    [keyOf('valset', zeroHash), encodeEntry('valset', { members })],
    [keyOf('roster', zeroHash), encodeEntry('roster', { keys })],
  ];
}

function balancesOf(genesis: Genesis): [Hex, bigint][] {
  return genesis.accounts.map(({ address, balance }) => {
    const amount = amountFromText(balance);
    if (amount === undefined) throw broken(`the balance of ${address} is no amount`);
    return [unwrap(accountIdOf(address)), amount];
  });
}

/** The first block of a genesis document. Throws AppError CONFIG_INVALID, or ADDRESS_INVALID. */
export function genesisBlock(genesis: Genesis): GenesisBlock {
  const { params, timeMs } = genesis;
  const fault = paramsFaultOf(params);
  if (fault !== undefined) throw broken(fault);
  if (!Number.isSafeInteger(timeMs) || timeMs < 0 || timeMs >= timeMsMax) {
    throw broken('timeMs is no time in ms');
  }
  const network = networkFromGenesis(genesis);
  const validatorsHash = validatorsHashOf(network, validatorsOf(genesis));
  const writes = genesisWrites(genesis);
  const tree = createStateTree(writes);
  const header: BlockHeader = {
    version: headerVersion,
    chain: network.chain,
    height: 0,
    epoch: 0,
    view: 0,
    parent: zeroHash,
    timeMs,
    proposer: zeroHash,
    txRoot: zeroHash,
    stateRoot: tree.root(),
    receiptRoot: zeroHash,
    validatorsHash,
    nextValidatorsHash: validatorsHash,
    evidenceRoot: zeroHash,
  };
  return { header, hash: blockHashOf(network, header), writes, tree };
}

function broken(reason: string): AppError {
  return new AppError('CONFIG_INVALID', { reason: `genesis document: ${reason}` });
}
