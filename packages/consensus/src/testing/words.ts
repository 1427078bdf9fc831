/** Short words for tests about four validators of equal stake: view v is led by validator v mod 4. */
import { zeroHash } from '@aitbc/protocol';
import type { AgreedBlock, AgreementEffect, AgreementTimer } from '../agreement-types.ts';
import { genesisPoint, type Member, ofType, stubBlock } from './member.ts';
import { stubCertificate, stubValidators, stubVote } from './stub-scheme.ts';

/** Keys of the four, by their place. */
export const keys: readonly string[] = Object.freeze(
  stubValidators(4).map(({ publicKey }) => publicKey),
);

/** A block of the leader of a view. */
export function blockAt(
  view: number,
  parent: { readonly hash: string; readonly height: number } = genesisPoint,
  salt = 0,
): AgreedBlock {
  return stubBlock(view, parent, { proposer: keys[view % 4] as string, salt });
}

type StubVote = ReturnType<typeof stubVote>;
type StubCertificate = ReturnType<typeof stubCertificate>;

/** A notarize vote. */
export function notarizeOf(view: number, blockHash: string, validator: number): StubVote {
  return stubVote({ kind: 'notarize', epoch: 0, view, blockHash }, validator);
}

/** A nullify vote. */
export function nullifyOf(view: number, validator: number): StubVote {
  return stubVote({ kind: 'nullify', epoch: 0, view, blockHash: zeroHash }, validator);
}

/** A finalize vote. */
export function finalizeOf(view: number, blockHash: string, validator: number): StubVote {
  return stubVote({ kind: 'finalize', epoch: 0, view, blockHash }, validator);
}

/** A notarization. */
export function notarized(view: number, blockHash: string, voters = [0, 1, 2]): StubCertificate {
  return stubCertificate({ kind: 'notarize', epoch: 0, view, blockHash }, voters);
}

/** A nullification. */
export function nullified(view: number, voters = [0, 1, 2]): StubCertificate {
  return stubCertificate({ kind: 'nullify', epoch: 0, view, blockHash: zeroHash }, voters);
}

/** A finalization. */
export function finalized(view: number, blockHash: string, voters = [0, 1, 2]): StubCertificate {
  return stubCertificate({ kind: 'finalize', epoch: 0, view, blockHash }, voters);
}

/** Kinds and views of what was signed in these effects. */
export function signedBy(effects: readonly AgreementEffect[]): (readonly [string, number])[] {
  return ofType(effects, 'persist').flatMap(({ votes }) =>
    votes.map(({ kind, view }) => [kind, view] as const),
  );
}

/** Feeds votes. */
export function vote(member: Member, ...votes: StubVote[]): AgreementEffect[] {
  return votes.flatMap((one) => member.feed({ type: 'vote', vote: one }));
}

/** Feeds certificates. */
export function certify(member: Member, ...all: StubCertificate[]): AgreementEffect[] {
  return all.flatMap((certificate) => member.feed({ type: 'certificate', certificate }));
}

/** Feeds a block with the ledger's verdict. */
export function give(member: Member, block: AgreedBlock, valid = true): readonly AgreementEffect[] {
  return member.feed({ type: 'block', block, valid });
}

/** Lets a timer of the present view fire. */
export function fire(
  member: Member,
  timer: AgreementTimer,
  view = member.state.view,
): readonly AgreementEffect[] {
  return member.feed({ type: 'timer', timer, view });
}
