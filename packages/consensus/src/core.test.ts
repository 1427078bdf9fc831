import { hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  type Certificate,
  devnetName,
  networkFromHash,
  signVote,
  type Vote,
  verifyCertificate,
  voteKinds,
  zeroHash,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Core, createCore } from './core.ts';
import { createSchedule } from './schedule.ts';
import { createEd25519Scheme } from './scheme.ts';
import type { BlockRef, CoreEffect, CoreInput, CoreState } from './types.ts';

const network = networkFromHash(devnetName, 'ab'.repeat(32));
const genesis = { hash: 'ee'.repeat(32), height: 0, view: 0 };

function membersOf(size: number) {
  const keys = Array.from({ length: size }, (_, index) =>
    keyPairFromSeed(new Uint8Array(32).fill(index + 1)),
  );
  const validators = keys.map(({ publicKey }) => ({ publicKey: hex(publicKey), stake: 100n }));
  return { keys, validators };
}

function blockOf(
  view: number,
  parent: { hash: string; height: number },
  proposer: string,
): BlockRef {
  const hash = `${view.toString(16).padStart(8, '0')}${parent.hash.slice(0, 56)}`;
  return { hash, parent: parent.hash, height: parent.height + 1, view, proposer };
}

/** A core with its state, fed by hand. */
function drive(core: Core) {
  let state: CoreState = core.initial;
  const all: CoreEffect[] = [];
  return {
    get state() {
      return state;
    },
    all,
    feed(input: CoreInput): readonly CoreEffect[] {
      const next = core.step(state, input);
      state = next.state;
      all.push(...next.effects);
      return next.effects;
    },
  };
}

const ofType = <T extends CoreEffect['type']>(effects: readonly CoreEffect[], type: T) =>
  effects.filter((effect): effect is Extract<CoreEffect, { type: T }> => effect.type === type);

function soloCore(options: { votedView?: number; final?: typeof genesis } = {}) {
  const { keys, validators } = membersOf(1);
  const secretKey = keys[0]!.secretKey;
  const scheme = createEd25519Scheme({ network, validators, signer: { validator: 0, secretKey } });
  const self = validators[0]!.publicKey;
  const { votedView = 0, final = genesis } = options;
  return {
    self,
    validators,
    secretKey,
    driver: drive(createCore({ validators, scheme, self, final, votedView })),
  };
}

describe('one validator', () => {
  it('asks for a block, votes twice, and commits it with a real certificate', () => {
    const { self, driver, validators } = soloCore();
    const [asked] = ofType(driver.feed({ type: 'start' }), 'propose');
    expect(asked).toEqual({ type: 'propose', view: 1, parent: genesis });

    const block = blockOf(1, genesis, self);
    const effects = driver.feed({ type: 'block', block, valid: true });
    const [persist] = ofType(effects, 'persistVotes');
    expect(effects[0]).toBe(persist);
    expect(persist?.votes.map(({ kind, view }) => [kind, view])).toEqual([
      ['notarize', 1],
      ['finalize', 1],
    ]);
    const [commit] = ofType(effects, 'commit');
    expect(commit?.block).toEqual(block);
    expect(commit?.certificate.kind).toBe(voteKinds.finalize);
    expect(verifyCertificate(network, validators, commit!.certificate).ok).toBe(true);
    expect(ofType(effects, 'propose')[0]).toMatchObject({ view: 2, parent: { hash: block.hash } });
    expect(ofType(driver.all, 'arm')).toEqual([]);
  });

  it('makes a long chain and keeps no views behind the final one', () => {
    const { self, driver } = soloCore();
    driver.feed({ type: 'start' });
    for (let view = 1; view <= 300; view += 1) {
      driver.feed({ type: 'block', block: blockOf(view, driver.state.final, self), valid: true });
    }
    expect(driver.state.final.height).toBe(300);
    expect(driver.state.rounds.size).toBe(0);
  });

  it('starts above the highest voted view after a restart and never signs in it', () => {
    const { self, driver } = soloCore({ votedView: 9, final: { ...genesis, height: 7, view: 8 } });
    expect(ofType(driver.feed({ type: 'start' }), 'propose')[0]?.view).toBe(10);
    const final = driver.state.final;
    expect(driver.feed({ type: 'block', block: blockOf(9, final, self), valid: true })).toEqual([]);
    driver.feed({ type: 'block', block: blockOf(10, final, self), valid: true });
    expect(driver.state.final).toMatchObject({ height: 8, view: 10 });
  });

  it('does nothing before its start and starts once', () => {
    const { self, driver } = soloCore();
    expect(driver.feed({ type: 'block', block: blockOf(1, genesis, self), valid: true })).toEqual(
      [],
    );
    expect(ofType(driver.feed({ type: 'start' }), 'commit')).toHaveLength(1);
    expect(driver.feed({ type: 'start' })).toEqual([]);
  });

  it.each([
    ['that the ledger refused', { valid: false }],
    ['of another proposer', { proposer: '11'.repeat(32) }],
    ['on another parent', { parent: '22'.repeat(32) }],
    ['of a wrong height', { height: 5 }],
    ['of a view long gone', { view: 0 }],
    ['of a view far ahead', { view: 400 }],
  ])('votes for no block %s', (_, change) => {
    const { self, driver } = soloCore();
    driver.feed({ type: 'start' });
    const { valid = true, ...fields } = change as { valid?: boolean };
    const block = { ...blockOf(1, genesis, self), ...fields };
    expect(driver.feed({ type: 'block', block, valid })).toEqual([]);
  });

  it('never votes for a second block in one view', () => {
    const { keys, validators } = membersOf(4);
    const leader = createSchedule(validators)(1);
    const self = validators[2]!.publicKey;
    const signer = { validator: 2, secretKey: keys[2]!.secretKey };
    const scheme = createEd25519Scheme({ network, validators, signer });
    const driver = drive(createCore({ validators, scheme, self, final: genesis, votedView: 0 }));
    driver.feed({ type: 'start' });
    const first = blockOf(1, genesis, validators[leader]!.publicKey);
    const second = { ...first, hash: '77'.repeat(32) };
    expect(
      ofType(driver.feed({ type: 'block', block: first, valid: true }), 'persistVotes'),
    ).toHaveLength(1);
    expect(driver.feed({ type: 'block', block: second, valid: true })).toEqual([]);
  });

  it('keeps two proposals of a leader for one view, and the certified one beyond that', () => {
    const { keys, validators } = membersOf(4);
    const scheme = createEd25519Scheme({ network, validators });
    const driver = drive(createCore({ validators, scheme, final: genesis, votedView: 0 }));
    driver.feed({ type: 'start' });
    const proposer = validators[createSchedule(validators)(1)]!.publicKey;
    const [first, second, third] = ['aa', 'bb', 'cc'].map((byte) => ({
      ...blockOf(1, genesis, proposer),
      hash: byte.repeat(32),
    }));
    for (const block of [first, second, third]) {
      driver.feed({ type: 'block', block: block!, valid: true });
    }
    const kept = () => [...(driver.state.rounds.get(1)?.blocks.keys() ?? [])];
    expect(kept()).toEqual([first!.hash, second!.hash]);
    for (const [validator, { secretKey }] of keys.entries()) {
      const ballot = { kind: 'notarize' as const, view: 1, blockHash: third!.hash, validator };
      driver.feed({ type: 'vote', vote: signVote(network, ballot, secretKey) });
    }
    driver.feed({ type: 'block', block: third!, valid: true });
    expect(kept()).toEqual([first!.hash, second!.hash, third!.hash]);
    expect(ofType(driver.all, 'persistVotes')).toEqual([]);
  });
});

type Packet = { to: number; input: CoreInput };

/** Four cores joined by a bag of packets from which `pick` draws: any order, some delivered twice. */
function runNetwork(pick: (size: number) => number, options: { views: number; forge?: boolean }) {
  const { keys, validators } = membersOf(4);
  const cores = keys.map(({ secretKey }, validator) => {
    const scheme = createEd25519Scheme({ network, validators, signer: { validator, secretKey } });
    const self = validators[validator]!.publicKey;
    return drive(createCore({ validators, scheme, self, final: genesis, votedView: 0 }));
  });
  const bag: Packet[] = [];
  const perform = (from: number, effects: readonly CoreEffect[]) => {
    for (const effect of effects) {
      if (effect.type === 'propose' && effect.view <= options.views) {
        const block = blockOf(effect.view, effect.parent, validators[from]!.publicKey);
        for (let to = 0; to < 4; to += 1)
          bag.push({ to, input: { type: 'block', block, valid: true } });
      }
      if (effect.type === 'send') {
        for (let to = 0; to < 4; to += 1) if (to !== from) bag.push({ to, input: effect.message });
        if (options.forge && effect.message.type === 'vote')
          bag.push(...forgeries(effect.message.vote));
      }
    }
  };
  for (const [index, core] of cores.entries()) perform(index, core.feed({ type: 'start' }));
  for (let steps = 0; bag.length > 0 && steps < 20_000; steps += 1) {
    const index = pick(bag.length);
    const packet = bag[index]!;
    const again = pick(8) === 0;
    if (!again) bag.splice(index, 1);
    perform(packet.to, cores[packet.to]!.feed(packet.input));
  }
  return { cores, validators };
}

function forgeries(vote: Vote): Packet[] {
  const otherHash = '99'.repeat(32);
  const wrong: Vote[] = [
    { ...vote, blockHash: otherHash },
    { ...vote, validator: (vote.validator + 1) % 4 },
    { ...vote, validator: 77 },
    { ...vote, signature: '00'.repeat(64) },
    { ...vote, view: vote.view + 1 },
    { ...vote, kind: vote.kind === 'notarize' ? 'finalize' : 'notarize' },
  ];
  const certificate: Certificate = {
    kind: voteKinds.finalize,
    view: vote.view,
    blockHash: otherHash,
    votes: [0, 1, 2].map((validator) => ({ validator, signature: vote.signature })),
  };
  return [
    ...wrong.map((forged) => ({
      to: vote.validator ^ 1,
      input: { type: 'vote', vote: forged } as const,
    })),
    { to: vote.validator ^ 1, input: { type: 'certificate', certificate } },
  ];
}

const random = (seed: number) => {
  let state = seed >>> 0 || 1;
  return (size: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * size);
  };
};

function commitsOf(effects: readonly CoreEffect[]) {
  return ofType(effects, 'commit').map(({ block }) => block.hash);
}

describe('four validators', () => {
  it.each([false, true])(
    'commit the same chain in any order of delivery (forgeries: %s)',
    (forge) => {
      fc.assert(
        fc.property(fc.integer({ min: 1 }), (seed) => {
          const { cores, validators } = runNetwork(random(seed), { views: 4, forge });
          const chains = cores.map(({ all }) => commitsOf(all));
          expect(chains[0]).toHaveLength(4);
          for (const chain of chains) expect(chain).toEqual(chains[0]);
          for (const { all } of cores) {
            for (const { certificate } of ofType(all, 'commit')) {
              expect(verifyCertificate(network, validators, certificate).ok).toBe(true);
            }
          }
        }),
        { numRuns: forge ? 10 : 20 },
      );
    },
  );

  it('sign at most one vote of a kind in a view, and each is persisted before it is sent', () => {
    const { cores } = runNetwork(random(42), { views: 6 });
    for (const { all } of cores) {
      const seen = new Set<string>();
      const persisted = new Set<string>();
      for (const effect of all) {
        if (effect.type === 'persistVotes') {
          for (const { kind, view, signature } of effect.votes) {
            expect(seen.has(`${kind}:${view}`)).toBe(false);
            seen.add(`${kind}:${view}`);
            persisted.add(signature);
          }
        }
        if (effect.type === 'send' && effect.message.type === 'vote') {
          expect(persisted.has(effect.message.vote.signature)).toBe(true);
        }
      }
      expect(seen.size).toBeGreaterThanOrEqual(6);
      expect(seen.size).toBeLessThanOrEqual(12);
    }
  });

  it('lead in turn', () => {
    const { cores } = runNetwork(random(7), { views: 8 });
    const proposers = ofType(cores[0]!.all, 'commit').map(({ block }) => block.proposer);
    expect(new Set(proposers).size).toBe(4);
  });

  it('needs three of four: two votes make no certificate', () => {
    const { keys, validators } = membersOf(4);
    const scheme = createEd25519Scheme({ network, validators });
    const driver = drive(createCore({ validators, scheme, final: genesis, votedView: 0 }));
    driver.feed({ type: 'start' });
    const leader = createSchedule(validators)(1);
    const block = blockOf(1, genesis, validators[leader]!.publicKey);
    driver.feed({ type: 'block', block, valid: true });
    const voteOf = (kind: 'notarize' | 'finalize', validator: number) =>
      signVote(
        network,
        { kind, view: 1, blockHash: block.hash, validator },
        keys[validator]!.secretKey,
      );
    for (const validator of [0, 1, 0, 1])
      driver.feed({ type: 'vote', vote: voteOf('finalize', validator) });
    expect(driver.state.final).toEqual(genesis);
    const effects = driver.feed({ type: 'vote', vote: voteOf('finalize', 3) });
    expect(commitsOf(effects)).toEqual([block.hash]);
    expect(ofType(driver.all, 'persistVotes')).toEqual([]);
  });

  it('commits an ancestor under the certificate of its descendant', () => {
    const { keys, validators } = membersOf(4);
    const scheme = createEd25519Scheme({ network, validators });
    const driver = drive(createCore({ validators, scheme, final: genesis, votedView: 0 }));
    driver.feed({ type: 'start' });
    const leaderOf = createSchedule(validators);
    const first = blockOf(1, genesis, validators[leaderOf(1)]!.publicKey);
    const second = blockOf(2, first, validators[leaderOf(2)]!.publicKey);
    for (const validator of [0, 1, 2]) {
      const ballot = { kind: 'finalize', view: 2, blockHash: second.hash, validator } as const;
      driver.feed({ type: 'vote', vote: signVote(network, ballot, keys[validator]!.secretKey) });
    }
    expect(driver.feed({ type: 'block', block: second, valid: true })).toEqual([]);
    const commits = ofType(driver.feed({ type: 'block', block: first, valid: true }), 'commit');
    expect(commits.map(({ block }) => block.height)).toEqual([1, 2]);
    expect(commits[0]?.certificate.blockHash).toBe(second.hash);
  });

  it('repeats its votes and certificates when the timer of its view runs out', () => {
    const { keys, validators } = membersOf(4);
    const signer = { validator: 2, secretKey: keys[2]!.secretKey };
    const scheme = createEd25519Scheme({ network, validators, signer });
    const self = validators[2]!.publicKey;
    const driver = drive(createCore({ validators, scheme, self, final: genesis, votedView: 0 }));
    expect(ofType(driver.feed({ type: 'start' }), 'arm')).toEqual([{ type: 'arm', view: 1 }]);
    const leader = validators[createSchedule(validators)(1)]!.publicKey;
    driver.feed({ type: 'block', block: blockOf(1, genesis, leader), valid: true });
    const repeated = driver.feed({ type: 'timer', view: 1 });
    expect(ofType(repeated, 'send').map(({ message }) => message.type)).toEqual(['vote']);
    expect(ofType(repeated, 'arm')).toHaveLength(1);
    expect(driver.feed({ type: 'timer', view: 9 })).toEqual([]);
  });

  it('takes no part in nullify votes yet', () => {
    const { keys, validators } = membersOf(4);
    const scheme = createEd25519Scheme({ network, validators });
    const driver = drive(createCore({ validators, scheme, final: genesis, votedView: 0 }));
    driver.feed({ type: 'start' });
    const before = driver.state;
    const vote = signVote(
      network,
      { kind: 'nullify', view: 1, blockHash: zeroHash, validator: 0 },
      keys[0]!.secretKey,
    );
    driver.feed({ type: 'vote', vote });
    expect(driver.state).toBe(before);
  });
});
