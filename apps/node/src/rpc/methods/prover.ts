/**
 * Proofs for those who believe no node: light bundles, and entries of the state with their path to its root.
 *
 * The tree of the node stands at the newest final block, which may not be on disk yet, and only what is on disk is
 * told to anybody. So an entry and its path are taken at one moment from the head, and the answer waits
 * until that block is stored and brings its certificate. See docs/spec/light.md.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeEntry, type StateKey } from '@aitbc/chain';
import {
  AppError,
  type BlockHeader,
  type Hex,
  type LightBundle,
  type StateProof,
  type Validator,
  validatorsHashOf,
  zeroHash,
} from '@aitbc/protocol';
import { type MethodDeps, notFound } from './deps.ts';

const storedLookMs = 2;
const storedWaitMs = 5_000;
const ownCertificateLooks = 64; // blocks without a certificate of their own follow one another rarely
const keptSets = 16;

/** An entry of one block. */
export interface ProvenEntry {
  readonly bundle: LightBundle;
  readonly value: Uint8Array | undefined;
  readonly proof: StateProof;
}

/** Makes proofs. */
export interface Prover {
  /** Bundle of a height, or the newest there is. Throws NOT_FOUND. */
  bundleAt(height: number | undefined): LightBundle;
  /** Entry of the newest block. Throws NOT_FOUND while there is only the genesis block, UNAVAILABLE, CANCELLED. */
  prove(key: StateKey, signal: AbortSignal): Promise<ProvenEntry>;
  /** Set of a block. Throws NOT_FOUND for one that this node has never seen. */
  validatorsOf(header: BlockHeader): readonly Validator[];
}

type ProverDeps = Pick<MethodDeps, 'opened' | 'live' | 'chain' | 'store'>;

/** A prover over a living chain. */
export function createProver(deps: ProverDeps): Prover {
  const { live, chain } = deps;
  const validatorsOf = createSetReader(deps);
  const bundleAt = (height: number | undefined): LightBundle => {
    const at = height ?? newestWithCertificate(deps);
    const { header, hash, certificate } = chain.blockAt(at);
    if (certificate?.blockHash !== hash) throw notFound(`certificate of block ${at} itself`);
    return { header, certificate, validators: validatorsOf(header) };
  };
  return {
    bundleAt,
    validatorsOf,
    async prove(key, signal) {
      const { header } = live.replica.head();
      const proof = live.replica.tree.proofOf(key);
      const value = live.replica.reader.get(key);
      await untilStored(live, header.height, signal);
      return { bundle: bundleAt(header.height), value, proof };
    },
  };
}

function newestWithCertificate({ chain }: ProverDeps): number {
  const head = chain.headHeight();
  for (let height = head; height > Math.max(0, head - ownCertificateLooks); height -= 1) {
    const { certificate, hash } = chain.blockAt(height);
    if (certificate?.blockHash === hash) return height;
  }
  return head;
}

async function untilStored(
  live: ProverDeps['live'],
  height: number,
  signal: AbortSignal,
): Promise<void> {
  for (let waitedMs = 0; live.head().header.height < height; waitedMs += storedLookMs) {
    if (signal.aborted) throw new AppError('CANCELLED');
    if (waitedMs >= storedWaitMs) {
      throw new AppError('TIMEOUT', {
        what: `The disk, for block ${height},`,
        timeoutMs: waitedMs,
      });
    }
    await sleep(storedLookMs);
  }
}

/** Sets by their hash: the present one, those that were stored when they changed, and that of the genesis document. */
function createSetReader({ opened, live, store }: ProverDeps): Prover['validatorsOf'] {
  const { network } = opened;
  const known = new Map<Hex, readonly Validator[]>();
  const find = (header: BlockHeader): readonly Validator[] | undefined => {
    const bytes = store.setAt(header.height);
    const stored = bytes && decodeEntry('valset', zeroHash, bytes).members;
    const sets = [live.validators(), ...(stored ? [stored] : [])];
    return sets.find((set) => validatorsHashOf(network, set) === header.validatorsHash);
  };
  return (header) => {
    const set = known.get(header.validatorsHash) ?? find(header);
    if (!set) throw notFound(`validator set of block ${header.height}`);
    known.set(header.validatorsHash, set);
    if (known.size > keptSets) known.delete(known.keys().next().value as Hex);
    return set;
  };
}
