/**
 * The first block: what a genesis document turns into. It has height 0, nobody proposed it, and it needs no
 * votes, because its hash follows from the document. See docs/spec/chain.md, "Genesis".
 */
import { amountFromText, bytesFromHex, isSafePublicKey } from '@aitbc/primitives';
import {
  AppError,
  type BlockHeader,
  blockHashOf,
  type Genesis,
  type Hex,
  limits,
  networkFromGenesis,
  type Validator,
  validatorsHashOf,
  zeroHash,
} from '@aitbc/protocol';
import { headerVersion, timeMsMax } from './block.ts';
import type { StateKey } from './entries.ts';
import { genesisWrites } from './state.ts';
import { createStateTree, type StateTree } from './tree.ts';

/** The first block and the state after it. */
export interface GenesisBlock {
  readonly header: BlockHeader;
  readonly hash: Hex;
  readonly writes: ReadonlyMap<StateKey, Uint8Array>;
  readonly tree: StateTree;
}

/** Validator set of a genesis document. Throws AppError CONFIG_INVALID. */
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
  return validators;
}

/** The first block of a genesis document. Throws AppError CONFIG_INVALID, or ADDRESS_INVALID. */
export function genesisBlock(genesis: Genesis): GenesisBlock {
  checkParams(genesis);
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
    timeMs: genesis.timeMs,
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

/** Texts of the parameters are amounts; numbers are times, counts or parts, all below the end of the calendar. */
function checkParams({ params, timeMs }: Genesis): void {
  const { fees, ...others } = params;
  for (const [name, value] of Object.entries({ ...fees, ...others, timeMs })) {
    if (typeof value === 'string' && amountFromText(value) === undefined) {
      throw broken(`${name} is no amount`);
    }
    const isNumber = Number.isSafeInteger(value) && (value as number) >= 0;
    if (typeof value === 'number' && !(isNumber && value < timeMsMax)) {
      throw broken(`${name} is no time in ms`);
    }
  }
  if (params.epochBlocks < 1) throw broken('epochBlocks is 0');
  if (params.hopMinMs < 1 || params.hopMaxMs < params.hopMinMs) {
    throw broken('hopMinMs is 0 or above hopMaxMs');
  }
}

function broken(reason: string): AppError {
  return new AppError('CONFIG_INVALID', { reason: `genesis document: ${reason}` });
}
