/** What a valid proof shows without any server, one check a line: from the receipts to what is trusted. */
import type { JobProof, ProvenJob, ProvenPart } from '@aitbc/protocol';
import type { ProvenBlock, ProvenChain, ProvenRegistration } from '@aitbc/sdk';
import { aitText } from '../amounts.ts';
import { counted, durationText, shortAddress, shortHash } from '../wording.ts';
import type { Check } from './check-on-chain.ts';
import type { KnownTrust } from './find-trust.ts';

const digestShown = 19; // `sha256:` and twelve digits
/** Part of the unbonding time for which members of a set cannot have left with their stake; as in `chain verify`. */
const trustedShare = 0.9;

const shown = (name: string, detail: string): Check => ({ name, holds: true, detail });

/** The checks that `verifyJobProof` has made, in words. */
export function provenChecks({ identity }: JobProof, job: ProvenJob): Check[] {
  const { unsignedTokens, surplusTokens, outputTokens, parts } = job;
  const model = parts[0]?.offer;
  const unsigned = unsignedTokens === 0 ? '' : `; ${counted(unsignedTokens, 'token')} unpaid`;
  const tiles = `output tokens 0 to ${outputTokens}, without an overlap${unsigned}`;
  const lost = `${counted(surplusTokens, 'token')} signed and charged that are no part of the answer: they did not arrive`;
  return [
    ...parts.flatMap((part, place) => partChecks(part, parts.length > 1 ? ` ${place + 1}` : '')),
    shown('model', `${model?.model}, ${model?.digest.slice(0, digestShown)}…`),
    shown('ranges tile', tiles),
    ...(surplusTokens > 0 ? [shown('surplus', lost)] : []),
    shown('text chain', 'every hash follows from the one before, the first from the request'),
    shown(
      'charge',
      `${aitText(job.charged)} in all, ${promptsText(job)}, outcome "${job.outcome}"`,
    ),
    ...(identity ? [shown('payer', `${identity.payer}: the job id is of this account`)] : []),
  ];
}

function promptsText({ prompts }: ProvenJob): string {
  if (prompts === 0) return 'no prompt';
  if (prompts === 1) return 'the prompt once';
  return `${prompts} prompts, because a line broke: to its provider the buyer had left`;
}

function partChecks(part: ProvenPart, number: string): Check[] {
  const { receipts, authorizer, provider, from, to, charged, surplusTokens } = part;
  const surplus = surplusTokens === 0 ? '' : ` (${surplusTokens} of them surplus)`;
  const range = `output tokens ${from} to ${to}${surplus}`;
  const signed = `${counted(receipts.length, 'receipt')}, ${range}, by the key ${shortHash(authorizer)}`;
  const price = `by the same key for ${shortAddress(provider)}; ${aitText(charged)} is within its price`;
  return [
    ...(receipts.length > 0 ? [shown(`receipts${number} signed`, signed)] : []),
    shown(`offer${number} signed`, price),
  ];
}

/** The checks that `verifyChainProof` has made, in words. */
export function chainChecks(
  chain: ProvenChain,
  known: KnownTrust,
  nowMs: number,
): readonly Check[] {
  const { registrations, path } = chain;
  const used = new Map(registrations.map(({ at }) => [at.height, at]));
  const many = registrations.length > 1;
  return [
    ...registrations.flatMap((one, place) => registrationChecks(one, many ? ` ${place + 1}` : '')),
    ...[...used.values()].flatMap(blockChecks),
    ...(path.length > used.size ? [stepsCheck(path)] : []),
    trustCheck(chain, known, nowMs),
  ];
}

function registrationChecks(
  { provider, authorizer, bond, unbondDueMs, at }: ProvenRegistration,
  number: string,
): Check[] {
  const leaving = unbondDueMs > 0 ? ', on its way out' : '';
  const key = `${shortHash(authorizer)} for ${shortAddress(provider)}, bond ${aitText(bond)}${leaving}`;
  return [
    shown(`key${number} registered`, key),
    shown(
      `Merkle path${number}`,
      `from the registration to the state root ${shortHash(at.stateRoot)}`,
    ),
  ];
}

function blockChecks({ height, hash, timeMs, validators, votes }: ProvenBlock): Check[] {
  const date = new Date(timeMs).toISOString();
  return [
    shown('header', `of block ${height} (${shortHash(hash)}), ${date}, has this root`),
    shown(
      'certificate',
      `${votes} of ${counted(validators, 'validator')} signed it, with more than two thirds of the stake`,
    ),
  ];
}

function stepsCheck(path: readonly ProvenBlock[]): Check {
  const heights = path.map(({ height }) => height).join(', ');
  return shown('validator sets', `carried from block to block: ${heights}`);
}

function trustCheck(
  { isRooted, trustedMs }: ProvenChain,
  { source, genesis }: KnownTrust,
  nowMs: number,
): Check {
  const name = 'trusted set';
  if (!isRooted) {
    const detail = `the blocks hold together, but nothing says that they are of ${source}: give --genesis or --trusted-block`;
    return { name, holds: null, detail };
  }
  const ageMs = nowMs - trustedMs;
  const periodMs = (genesis?.params.stakeUnbondingMs ?? Number.POSITIVE_INFINITY) * trustedShare;
  if (ageMs < periodMs) return shown(name, `it is the one of ${source}`);
  const detail = `it is the one of ${source}, ${durationText(ageMs)} old: validators who left since could have signed another history; a newer --trusted-block settles it`;
  return { name, holds: null, detail };
}
