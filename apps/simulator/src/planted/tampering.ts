/** Tools for planting faults around the real core: nothing in the core knows of them. */
import type {
  AgreedBlock,
  Agreement,
  AgreementEffect,
  AgreementInput,
  AgreementOptions,
  AgreementState,
  Scheme,
} from '@aitbc/consensus';
import type { Vote } from '@aitbc/protocol';

export type CreateAgreement = (options: AgreementOptions) => Agreement;
export type AgreementStep = ReturnType<Agreement['step']>;
export type Ballot = Pick<Vote, 'kind' | 'view' | 'blockHash'>;

/** One step of the real core, open to changes. */
export interface Tampered {
  readonly options: AgreementOptions;
  readonly input: AgreementInput;
  readonly before: AgreementState;
  readonly state: AgreementState;
  readonly effects: readonly AgreementEffect[];
  /** Memory of this core's fault. */
  readonly memory: Memory;
  /** Signs a vote against the rules, lets the core count it, and appends it to the effects. */
  sign(ballot: Ballot): void;
}

export interface Memory {
  readonly notarized: Map<number, string>;
  readonly nullified: Set<number>;
  readonly valid: Map<string, AgreedBlock>;
}

/** A core whose steps are changed; what `tamper` returns replaces the effects. */
export function tampering(
  tamper: (step: Tampered) => readonly AgreementEffect[] | undefined,
): (real: CreateAgreement) => CreateAgreement {
  return (real) => (options) => {
    const core = real(options);
    const memory: Memory = { notarized: new Map(), nullified: new Set(), valid: new Map() };
    return {
      initial: core.initial,
      step(state, input, nowMs) {
        const done = core.step(state, input, nowMs);
        remember(memory, input, done.effects);
        const changed = { ...done };
        const extra: AgreementEffect[] = [];
        const step: Tampered = {
          options,
          input,
          before: state,
          state: done.state,
          effects: done.effects,
          memory,
          sign(ballot) {
            const vote = options.scheme.sign({ ...ballot, epoch: options.epoch });
            if (!vote) return;
            const counted = core.step(changed.state, { type: 'vote', vote }, nowMs);
            changed.state = counted.state;
            extra.push({ type: 'persist', votes: [vote], certificates: [] });
            extra.push({ type: 'sendVotes', votes: [vote] }, ...counted.effects);
            remember(memory, { type: 'vote', vote }, extra);
          },
        };
        const effects = tamper(step) ?? done.effects;
        return { state: changed.state, effects: [...effects, ...extra] };
      },
    };
  };
}

/** A core that is started with other options. */
export function restarting(
  change: (options: AgreementOptions) => AgreementOptions,
): (real: CreateAgreement) => CreateAgreement {
  return (real) => (options) => real(change(options));
}

function remember(
  memory: Memory,
  input: AgreementInput,
  effects: readonly AgreementEffect[],
): void {
  if (input.type === 'block' && input.valid) memory.valid.set(input.block.hash, input.block);
  for (const effect of effects) {
    if (effect.type !== 'persist') continue;
    for (const { kind, view, blockHash } of effect.votes) {
      if (kind === 'notarize') memory.notarized.set(view, blockHash);
      if (kind === 'nullify') memory.nullified.add(view);
    }
  }
}

/** Stake of the rows of a certificate whose signatures are right, each row counted. */
export function signedRows(
  scheme: Scheme,
  certificate: Parameters<Scheme['verifyCertificate']>[0],
  kind: Vote['kind'],
): number[] {
  const { epoch, view, blockHash } = certificate;
  return certificate.votes
    .filter(({ validator, signature }) =>
      scheme.verifyVote({ kind, epoch, view, blockHash, validator, signature }),
    )
    .map(({ validator }) => validator);
}
