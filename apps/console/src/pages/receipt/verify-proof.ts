/**
 * Verifies the proof of a paid job in this browser, with the code that `aitbc receipt verify` runs. A part of its own: the
 * cryptography is loaded when somebody wants to know. Nothing is asked of anybody in here; what the page trusts
 * comes in, and is named in the result.
 */
import { systemClock, utf8 } from '@aitbc/primitives';
import {
  decodeJobProof,
  type Genesis,
  type JobProof,
  networkFromGenesis,
  networkFromHash,
  type ProvenJob,
  verifyJobProof,
  zJobProof,
} from '@aitbc/protocol';
import { type ProofTrust, type ProvenChain, verifyProofOffline } from '@aitbc/sdk';

/** What the reader believes without a proof. */
export interface Trust {
  /** A genesis document, as the reader gave it. */
  readonly genesis: Genesis | undefined;
  /** The chain that the coordinator's node is on. */
  readonly network: string;
  readonly genesisHash: string;
}

/** One thing that was checked. `holds` is null when it was not decided here. */
export interface Check {
  readonly name: string;
  readonly holds: boolean | null;
  readonly detail: string;
}

/** What a proof shows; or why it is refused. */
export type Verified =
  | {
      readonly ok: true;
      readonly proof: JobProof;
      readonly job: ProvenJob;
      readonly chain: ProvenChain | undefined;
      readonly checks: readonly Check[];
    }
  | { readonly ok: false; readonly reason: string };

/** Reads and checks a proof from its text. */
export function verifyText(text: string, trust: Trust): Verified {
  const proof = proofOf(text);
  if (!proof)
    return {
      ok: false,
      reason: 'It is no proof of a job: a file of `aitbc receipt export` is expected.',
    };
  return verifyProof(proof, trust);
}

/** Checks a proof. */
export function verifyProof(proof: JobProof, trust: Trust): Verified {
  const network = trust.genesis
    ? networkFromGenesis(trust.genesis)
    : networkFromHash(trust.network, trust.genesisHash);
  if (proof.chain) {
    const root: ProofTrust = trust.genesis ? { genesis: trust.genesis } : { network };
    const whole = verifyProofOffline(proof, root, systemClock);
    if (!whole.ok) return refused(whole.facts);
    const { job, chain } = whole.value;
    return {
      ok: true,
      proof,
      job,
      chain,
      checks: [...jobChecks(job), ...chainChecks(chain, trust)],
    };
  }
  const job = verifyJobProof(network, proof);
  if (!job.ok) return refused(job.facts);
  return { ok: true, proof, job: job.value, chain: undefined, checks: jobChecks(job.value) };
}

function refused(facts: Readonly<Record<string, unknown>>): Verified {
  return { ok: false, reason: String(facts.reason ?? 'it does not hold') };
}

/** A file has one spelling, with a line end; what was pasted may have lost that, or be the answer of a gateway. */
function proofOf(text: string): JobProof | undefined {
  const read = decodeJobProof(utf8(`${text.trim()}\n`));
  if (read.ok) return read.value;
  try {
    const parsed = zJobProof.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function jobChecks(job: ProvenJob): Check[] {
  const { parts, outputTokens, unsignedTokens, surplusTokens, prompts } = job;
  const receipts = parts.reduce((sum, part) => sum + part.receipts.length, 0);
  const open = unsignedTokens === 0 ? '' : `; ${unsignedTokens} of them nobody signed or charged`;
  return [
    {
      name: 'Signatures',
      holds: true,
      detail: `${receipts} receipts and ${parts.length} offers, each by the key of its provider`,
    },
    {
      name: 'Ranges',
      holds: true,
      detail: `output tokens 0 to ${outputTokens} join without gap or overlap${open}`,
    },
    {
      name: 'Text',
      holds: true,
      detail: 'every hash follows from the one before, the first from the request',
    },
    {
      name: 'Price',
      holds: true,
      detail: `no provider charges more than its signed offer allows; the prompt is charged ${prompts === 1 ? 'once' : `${prompts} times`}`,
    },
    ...(surplusTokens > 0
      ? [
          {
            name: 'Surplus',
            holds: true,
            detail: `${surplusTokens} tokens were signed and charged that did not arrive`,
          },
        ]
      : []),
  ];
}

function chainChecks({ registrations, path, isRooted }: ProvenChain, { genesis }: Trust): Check[] {
  const last = path.at(-1);
  return [
    {
      name: 'Keys',
      holds: true,
      detail: `${registrations.length} registered on chain, with a Merkle path to a state root`,
    },
    {
      name: 'Blocks',
      holds: true,
      detail: `${path.length} on the way, certified by ${last?.votes ?? 0} of ${last?.validators ?? 0} validators`,
    },
    {
      name: 'Trust',
      holds: isRooted ? true : null,
      detail:
        genesis && isRooted
          ? 'all of it leads back to your genesis document'
          : 'the blocks hold together; drop the genesis document here to root them',
    },
  ];
}
