/**
 * A light bundle: a header, the certificate that makes it final, and the set whose votes stand in it. It proves itself
 * except for one thing: whether that set is the one of the chain. That is decided by whoever holds an older
 * header it trusts, see docs/spec/light.md.
 *
 * The certificate must be of kind finalize, for exactly this header, of its epoch. Its view may be above that of the
 * header, because the last block of an epoch is proposed again until it is final.
 */
import {
  type BlockHeader,
  blockHashOf,
  type Certificate,
  type Validator,
  validatorsHashOf,
  verifyCertificate,
  voteKinds,
} from '../blocks.ts';
import { accept, refuse, type Verdict } from '../errors.ts';
import { type Evidence, type SignedBallot, verifyEvidence } from '../evidence.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import type { Network } from '../network.ts';

/** A final block without its body. */
export interface LightBundle {
  readonly header: BlockHeader;
  readonly certificate: Certificate;
  /** In the order that `validatorsHash` and the votes mean. */
  readonly validators: readonly Validator[];
}

/** Hash of the block, when the bundle is sound in itself. Refusal: CERTIFICATE_INVALID. */
export function verifyLightBundle(network: Network, bundle: LightBundle): Verdict<Hex> {
  const { header, certificate, validators } = bundle;
  const hash = blockHashOf(network, header);
  const rules: readonly (readonly [boolean, string])[] = [
    [header.chain === network.chain, 'the header is of another network'],
    [validators.length <= limits.validators, 'the set is too large'],
    [
      new Set(validators.map(({ publicKey }) => publicKey)).size === validators.length,
      'a validator stands twice in the set',
    ],
    [validatorsHashOf(network, validators) === header.validatorsHash, 'the set is another'],
    [certificate.kind === voteKinds.finalize, 'the certificate is not one of finality'],
    [certificate.blockHash === hash, 'the certificate is of another block'],
    [certificate.epoch === header.epoch, 'the certificate is of another epoch'],
    [certificate.view >= header.view, 'the certificate is of an earlier view'],
  ];
  const broken = rules.find(([holds]) => !holds);
  if (broken) return refuse('CERTIFICATE_INVALID', { reason: broken[1] });
  const proven = verifyCertificate(network, validators, certificate);
  return proven.ok ? accept(hash) : proven;
}

/**
 * Stake that members of another set put behind a bundle, each counted once, and the whole stake of that set, nait.
 * Only for bundles that `verifyLightBundle` accepted.
 */
export function backingOf(
  trusted: readonly Validator[],
  { certificate, validators }: LightBundle,
): { readonly signed: bigint; readonly total: bigint } {
  const signers = new Set(
    certificate.votes.map(({ validator }) => validators[validator]?.publicKey),
  );
  let [signed, total] = [0n, 0n];
  for (const { publicKey, stake } of trusted) {
    total += stake;
    if (signers.has(publicKey)) signed += stake;
  }
  return { signed, total };
}

/**
 * Evidence against each validator that signed both of two sound bundles of different blocks in one round. Empty when the
 * certificates are of different views: then the votes between them convict, which only nodes have.
 */
export function conflictsOf(network: Network, first: LightBundle, second: LightBundle): Evidence[] {
  const [left, right] = [ballotsOf(first), ballotsOf(second)];
  return [...left].flatMap(([validator, ballot]) => {
    const other = right.get(validator);
    const evidence = other && { validator, first: ballot, second: other };
    return evidence && verifyEvidence(network, evidence).ok ? [evidence] : [];
  });
}

function ballotsOf({ certificate, validators }: LightBundle): Map<Hex, SignedBallot> {
  const { epoch, view, blockHash, votes } = certificate;
  return new Map(
    votes.map(({ validator, signature }) => [
      validators[validator]?.publicKey ?? '',
      { kind: 'finalize', epoch, view, blockHash, signature },
    ]),
  );
}
