/** The forgeries: what each changes in the answers of a node, and what an honest client has to say to it. */
import { hex, randomBytes, sha256 } from '@aitbc/primitives';
import {
  addressOf,
  bytes32,
  countedRoot,
  type LightBundle,
  networkFromGenesis,
  validatorsHashOf,
  zeroHash,
} from '@aitbc/protocol';
import {
  bundleFrom,
  type Forger,
  type Round,
  type StateJson,
  type TxJson,
  withBundle,
} from './forger.ts';

/** More than a client reads of one answer. */
const endlessBytes = 17_000_000;
const triesMax = 200; // of some twenty gaps one must be another

/** Order of the group of Ed25519. */
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;

type Maybe<T> = T | Promise<T>;

/** A way to lie. The answers that it names are changed, the others pass as they are. */
export interface Forgery {
  readonly name: string;
  /** What is asked: the account that is there, the one that is not, or a transaction. */
  readonly about: 'known' | 'unknown' | 'tx';
  readonly code: string;
  /** Part of the reason that tells this refusal from others of its code. */
  readonly reason: string;
  /** An honest node answered the question before, and the newest header is proven. */
  readonly isWarm?: boolean;
  /** An honest node answers, and the liar is the second source that is compared with it. */
  readonly isWitness?: boolean;
  /** Its block is a sound one: beside honest nodes it is no mistake of one node, but an attack of validators. */
  readonly isSecondBlock?: boolean;
  readonly state?: (answer: StateJson, forger: Forger) => Maybe<unknown>;
  readonly tx?: (answer: TxJson, forger: Forger) => Maybe<unknown>;
  readonly bundle?: (bundle: LightBundle, forger: Forger) => Maybe<LightBundle>;
  /** The node refuses to give the account, with this code. */
  readonly refusal?: string;
}

type BundleChange = (bundle: LightBundle, forger: Forger) => Maybe<LightBundle>;

/** A forgery of the bundle that comes with the account. */
function inBundle(
  name: string,
  reason: string,
  change: BundleChange,
): Forgery & { readonly state: NonNullable<Forgery['state']> } {
  return {
    ...{ name, about: 'known', code: 'LIGHT_HEADER_UNPROVEN', reason },
    state: async (answer, forger) =>
      withBundle(answer, await change(bundleFrom(answer.bundle), forger)),
  };
}

/** A forgery of an entry, its path or its place. */
function inState(
  name: string,
  state: NonNullable<Forgery['state']>,
  about: 'known' | 'unknown' = 'known',
): Forgery {
  const reason = 'does not lead to the state root';
  return { name, about, code: 'LIGHT_PROOF_INVALID', reason, state };
}

function inTx(name: string, reason: string, tx: NonNullable<Forgery['tx']>): Forgery {
  return { name, about: 'tx', code: 'LIGHT_PROOF_INVALID', reason, tx };
}

const flipped = (text: string): string => (text.startsWith('0') ? '1' : '0') + text.slice(1);

const noRoot = (bundle: LightBundle): LightBundle => ({
  ...bundle,
  header: { ...bundle.header, stateRoot: zeroHash },
});

const headers: readonly Forgery[] = [
  inBundle('another state root', 'another block', noRoot),
  inBundle('header of one block, certificate of another', 'another block', async (bundle, of) => {
    const before = await of.bundleAt(bundle.header.height - 1);
    return { ...bundle, certificate: before.certificate };
  }),
  inBundle('number of another network, signed by all', 'another network', (bundle, of) => {
    return of.recertified(bundle, { chain: bundle.header.chain + 1 });
  }),
  inBundle('block of another genesis, signed by all', 'another block', (bundle, of) => {
    const { genesis } = of.scene.net;
    const network = networkFromGenesis({ ...genesis, timeMs: genesis.timeMs + 1 });
    return of.recertified(bundle, { chain: of.network.chain }, { network });
  }),
  inBundle('time in the future, signed by all', 'in the future', (bundle, of) => {
    return of.recertified(bundle, { timeMs: Date.now() + 3_600_000 });
  }),
  inBundle('time before genesis, signed by all', 'order of the heights', (bundle, of) => {
    return of.recertified(bundle, { timeMs: of.scene.net.genesis.timeMs - 1 });
  }),
  inBundle('epoch that is not its own, signed by all', 'not that of its height', (bundle, of) => {
    return of.recertified(bundle, { epoch: bundle.header.epoch + 1 });
  }),
];

const sets: readonly Forgery[] = [
  inBundle('set with a member less', 'set is another', (bundle) => {
    return { ...bundle, validators: bundle.validators.slice(1) };
  }),
  inBundle('set with a member twice', 'twice in the set', (bundle) => {
    return { ...bundle, validators: [...bundle.validators, ...bundle.validators.slice(0, 1)] };
  }),
  inBundle('set of the forger alone', 'announced another set', (bundle, of) => {
    return of.recertified({ ...bundle, validators: of.ownSet }, setOf(of, of.ownSet));
  }),
  {
    ...inBundle('set of the first epoch, signed by all of it', 'another set', (bundle, of) => {
      const { firstSet } = of.scene;
      return of.recertified({ ...bundle, validators: firstSet }, setOf(of, firstSet));
    }),
    isWarm: true,
  },
];

function setOf({ network }: Forger, validators: LightBundle['validators']) {
  const validatorsHash = validatorsHashOf(network, validators);
  return { validatorsHash, nextValidatorsHash: validatorsHash };
}

/** The same header with the votes of those whom the test keeps. */
const withVotes = (
  bundle: LightBundle,
  change: (votes: LightBundle['certificate']['votes']) => LightBundle['certificate']['votes'],
): LightBundle => ({
  ...bundle,
  certificate: { ...bundle.certificate, votes: change(bundle.certificate.votes) },
});

const ofKind = (round: Round): BundleChange => {
  return (bundle, of) => of.recertified(bundle, {}, round);
};

/** Where the validator with most of the stake stands in the set. */
const bigSeat = (bundle: LightBundle, { scene }: Forger): number =>
  bundle.validators.findIndex(({ publicKey }) => publicKey === scene.bigKey);

const certificates: readonly Forgery[] = [
  inBundle('votes of less than the quorum', 'no quorum', (bundle, of) => {
    const full = of.recertified(bundle, {});
    const seat = bigSeat(full, of);
    return withVotes(full, (votes) => votes.filter(({ validator }) => validator !== seat));
  }),
  inBundle('one vote twice', 'not in order', (bundle) => {
    return withVotes(bundle, ([first, ...more]) => (first ? [first, first, ...more] : more));
  }),
  inBundle('signature of another vote', 'is not signed', async (bundle, of) => {
    const before = of.recertified(await of.bundleAt(bundle.header.height - 1), {});
    return withVotes(bundle, (votes) =>
      votes.map((vote) => ({ ...vote, ...sameSeat(before, vote) })),
    );
  }),
  inBundle('signature with its number above the order', 'is not signed', (bundle) => {
    return withVotes(bundle, (votes) => votes.map(aboveOrder));
  }),
  inBundle('certificate of kind notarize', 'not one of finality', ofKind({ kind: 'notarize' })),
  inBundle('certificate of kind nullify', 'not one of finality', ofKind({ kind: 'nullify' })),
  inBundle('certificate of a view before its block', 'an earlier view', (bundle, of) => {
    return of.recertified(bundle, {}, { view: bundle.header.view - 1 });
  }),
  inBundle('certificate of another epoch', 'another epoch', (bundle) => {
    const { certificate } = bundle;
    return { ...bundle, certificate: { ...certificate, epoch: certificate.epoch + 1 } };
  }),
];

function sameSeat(from: LightBundle, { validator }: { readonly validator: number }) {
  return from.certificate.votes.find((vote) => vote.validator === validator) ?? {};
}

/** The other number that fits the equation of an Ed25519 signature, which only careless verifiers take. */
function aboveOrder<T extends { readonly signature: string }>(vote: T): T {
  const bytes = Buffer.from(vote.signature, 'hex');
  const number = BigInt(`0x${bytes.subarray(32).reverse().toString('hex')}`) + groupOrder;
  const text = number.toString(16).padStart(64, '0');
  const raised = Buffer.from(text, 'hex').reverse().toString('hex');
  return { ...vote, signature: vote.signature.slice(0, 64) + raised };
}

/** Only the vote of the one that came later: a quorum, but no member of the first set is in it. */
const lone: BundleChange = (bundle, of) => {
  const seat = bigSeat(bundle, of);
  return withVotes(bundle, (votes) => votes.filter(({ validator }) => validator === seat));
};

/** No forgery: a sound bundle whose set has to be followed epoch by epoch. */
export const loneVote: Forgery = {
  ...inBundle('a quorum without the first set', '', lone),
  code: 'OK',
};

const ways: readonly Forgery[] = [
  {
    ...inBundle('way that skips an epoch', 'another came', lone),
    bundle: ({ header }, of) => {
      return of.bundleAt(Math.max(1, header.height - of.scene.net.genesis.params.epochBlocks));
    },
  },
  {
    ...inBundle('way whose block announces another set', 'another block', lone),
    bundle: (bundle) => {
      return { ...bundle, header: { ...bundle.header, nextValidatorsHash: zeroHash } };
    },
  },
  {
    ...inBundle('answer from before what is proven', 'is known already', (bundle) => bundle),
    isWarm: true,
    state: (_answer, { scene }) => scene.oldAnswer,
  },
];

/** A true proof that some other key is absent, between other neighbours. */
async function absenceElsewhere(here: StateJson['proof'], of: Forger): Promise<StateJson> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const answer = await of.stateOf(addressOf(hex(randomBytes(32))));
    if (answer.proof.nextKey !== here.nextKey) return answer;
  }
  throw new Error('all keys have the same neighbours');
}

const entries: readonly Forgery[] = [
  inState('another balance', (answer) => ({ ...answer, value: flipped(answer.value ?? '') })),
  inState('another leaf', ({ proof, ...rest }) => {
    return { ...rest, proof: { ...proof, index: proof.index ^ 1 } };
  }),
  inState('another sibling', ({ proof, ...rest }) => {
    const [first = '', ...more] = proof.siblings;
    return { ...rest, proof: { ...proof, siblings: [flipped(first), ...more] } };
  }),
  inState('a level less', ({ proof, ...rest }) => {
    return { ...rest, proof: { ...proof, siblings: proof.siblings.slice(1) } };
  }),
  inState('another count of entries', ({ proof, ...rest }) => {
    return { ...rest, proof: { ...proof, count: proof.count + 1 } };
  }),
  inState('another next key', ({ proof, ...rest }) => {
    return { ...rest, proof: { ...proof, nextKey: 'ff'.repeat(33) } };
  }),
  inState('absence of what is there', async (_answer, of) => of.stateOf(of.scene.unknown)),
  inState('absence with wider neighbours', async (_answer, of) => {
    const answer = await of.stateOf(of.scene.unknown);
    const wide = { key: '00'.repeat(33), nextKey: 'ff'.repeat(33) };
    return { ...answer, proof: { ...answer.proof, ...wide } };
  }),
  inState(
    'absence with the neighbours of another key',
    (answer, of) => absenceElsewhere(answer.proof, of),
    'unknown',
  ),
  inState(
    'account of another for one that is not there',
    (_answer, of) => of.stateOf(of.scene.known),
    'unknown',
  ),
];

const transactions: readonly Forgery[] = [
  inTx('another transaction of the block', 'root of transactions', (_answer, of) => {
    return of.txOf(of.scene.twins[1]);
  }),
  inTx('another block', 'root of transactions', async (answer, of) => {
    return { ...answer, bundle: (await of.txOf(of.scene.lateTx)).bundle };
  }),
  inTx('another path', 'root of transactions', (answer) => {
    const [first = '', ...more] = answer.txProof.siblings;
    return { ...answer, txProof: { ...answer.txProof, siblings: [flipped(first), ...more] } };
  }),
  inTx('receipt of another transaction of the block', 'another place', async (answer, of) => {
    const { receipt, receiptProof } = await of.txOf(of.scene.twins[1]);
    return { ...answer, receipt, receiptProof };
  }),
  inTx('receipt with another end', 'root of receipts', (answer) => {
    return { ...answer, receipt: `${answer.receipt}00` };
  }),
  {
    ...inTx(
      'receipt of another in a block of liars',
      'of another transaction',
      async (answer, of) => {
        const { receipt } = await of.txOf(of.scene.twins[1]);
        const only = { index: 0, count: 1, siblings: [] };
        const lists = {
          txRoot: countedRoot(bytes32(of.scene.twins[0]), 1),
          receiptRoot: countedRoot(sha256(Buffer.from(receipt, 'hex')), 1),
        };
        const bundle = of.recertified(bundleFrom(answer.bundle), lists);
        return withBundle({ ...answer, receipt, txProof: only, receiptProof: only }, bundle);
      },
    ),
    isSecondBlock: true,
  },
  {
    ...{ name: 'no such transaction', about: 'tx', code: 'NOT_FOUND', reason: '' },
    refusal: 'NOT_FOUND',
  },
];

const sources: readonly Forgery[] = [
  {
    ...inState('answer out of shape', (answer) => ({ ...answer, value: 'zz' })),
    ...{ code: 'ANSWER_INVALID', reason: 'value' },
  },
  {
    ...inState('height above what a number can hold', ({ bundle, ...rest }) => {
      return { ...rest, bundle: { ...bundle, header: { ...bundle.header, height: 2 ** 53 } } };
    }),
    ...{ code: 'ANSWER_INVALID', reason: 'height' },
  },
  {
    ...inState('answer that does not end', (answer) => {
      return { ...answer, more: 'x'.repeat(endlessBytes) };
    }),
    ...{ code: 'UNAVAILABLE', reason: 'above' },
  },
  {
    ...{ name: 'false alarm of an attack', about: 'known', refusal: 'LIGHT_FORK' },
    ...{ code: 'UNAVAILABLE', reason: 'it answered with LIGHT_FORK' },
  },
  {
    ...{ name: 'false bug of the client', about: 'known', refusal: 'INTERNAL' },
    ...{ code: 'UNAVAILABLE', reason: 'it answered with INTERNAL' },
  },
  {
    ...inBundle('second final block of a height, signed by all', '', (bundle) => bundle),
    ...{ code: 'LIGHT_FORK', isWitness: true },
    bundle: (bundle, of) => of.recertified(bundle, { stateRoot: 'ab'.repeat(32) }),
  },
  {
    ...inTx('second final block of a height that is proven', '', (answer, of) => {
      const second = { stateRoot: 'ab'.repeat(32) };
      return withBundle(answer, of.recertified(bundleFrom(answer.bundle), second));
    }),
    ...{ code: 'LIGHT_FORK', isWarm: true },
  },
  {
    ...inBundle('only other node that confirms nothing', 'another block', noRoot),
    ...{ bundle: noRoot, isWitness: true },
  },
];

/** All forgeries by what they touch. */
export const forgeries: Readonly<Record<string, readonly Forgery[]>> = {
  header: headers,
  set: sets,
  certificate: certificates,
  way: ways,
  entry: entries,
  transaction: transactions,
  source: sources,
};
