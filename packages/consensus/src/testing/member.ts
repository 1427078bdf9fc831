/** One core with its state, fed by hand; for tests. */
import { type Agreement, createAgreement } from '../agreement.ts';
import type { AgreementState } from '../agreement-state.ts';
import type {
  AgreedBlock,
  AgreedPoint,
  AgreementEffect,
  AgreementInput,
  AgreementOptions,
} from '../agreement-types.ts';
import { createStubScheme, stubValidators } from './stub-scheme.ts';

/** Effects of one type. */
export type EffectOf<T extends AgreementEffect['type']> = Extract<AgreementEffect, { type: T }>;

/** The effects of one type among others. */
export function ofType<T extends AgreementEffect['type']>(
  effects: readonly AgreementEffect[],
  type: T,
): EffectOf<T>[] {
  return effects.filter((effect): effect is EffectOf<T> => effect.type === type);
}

/** Where the chain of a test begins. */
export const genesisPoint: AgreedPoint = Object.freeze({
  hash: 'ee'.repeat(32),
  height: 0,
  view: 0,
});

/** A core with its present state. */
export interface Member {
  readonly state: AgreementState;
  /** Effects of every step so far. */
  readonly all: readonly AgreementEffect[];
  feed(input: AgreementInput, nowMs?: number): readonly AgreementEffect[];
}

/** A member from a core. */
export function memberOf(core: Agreement): Member {
  let state = core.initial;
  const all: AgreementEffect[] = [];
  return {
    get state() {
      return state;
    },
    all,
    feed(input, nowMs = 0) {
      const next = core.step(state, input, nowMs);
      state = next.state;
      all.push(...next.effects);
      return next.effects;
    },
  };
}

/** Options of a core of a stub network of `size`; without `self` an observer. */
export function stubOptions(
  size: number,
  self: number | undefined,
  changes: Partial<AgreementOptions> = {},
): AgreementOptions {
  const validators = stubValidators(size);
  const key = self === undefined ? {} : { self: validators[self]?.publicKey as string };
  return {
    epoch: 0,
    validators,
    scheme: createStubScheme(validators, self),
    ...key,
    final: genesisPoint,
    lastHeight: 1_000,
    ownVotes: [],
    silentThrough: 0,
    hopMinMs: 100,
    hopMaxMs: 8_000,
    ...changes,
  };
}

/** A started member of a stub network. */
export function startedMember(
  size: number,
  self: number | undefined,
  changes: Partial<AgreementOptions> = {},
): Member {
  const member = memberOf(createAgreement(stubOptions(size, self, changes)));
  member.feed({ type: 'start' });
  return member;
}

/** A block of a view; `salt` tells two of one leader apart. */
export function stubBlock(
  view: number,
  parent: { readonly hash: string; readonly height: number },
  by: { readonly proposer: string; readonly salt?: number },
): AgreedBlock {
  const { proposer, salt = 0 } = by;
  const height = parent.height + 1;
  const head = [view, height, salt].map((one) => one.toString(16).padStart(4, '0')).join('');
  const hash = `${head}${parent.hash.slice(0, 64 - head.length)}`;
  return { hash, parent: parent.hash, height, view, proposer };
}
