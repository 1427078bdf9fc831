import { hex, keyPairFromSeed, textFromUtf8, utf8 } from '@aitbc/primitives';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../limits.ts';
import { networkFromHash } from '../network.ts';
import { noLetter, writeLetter } from './letter.ts';
import {
  type LetterWish,
  letterStreamIdleMs,
  nextLetter,
  type OutboxState,
} from './letter-outbox.ts';
import {
  createLetterReceiver,
  type Intake,
  type LetterReason,
  type ReceivedLetter,
} from './letter-receiver.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const other = networkFromHash('other', 'cd'.repeat(32));
const keysOf = (fill: number) => keyPairFromSeed(new Uint8Array(32).fill(fill));
const [alice, bob, eve] = [keysOf(1), keysOf(2), keysOf(3)];
const startMs = 1_700_000_000_000;
const dayMs = 86_400_000;
const receiver = hex(bob.publicKey);

/** A sender that writes "1", "2", … */
function createSender(keys = alice, on = network) {
  let state: OutboxState = [];
  let count = 0;
  return (nowMs = startMs, wish: Partial<LetterWish> = {}) => {
    count += 1;
    const payload = utf8(String(count));
    const all = { receiver, contentType: 'text/plain', payload, ...wish };
    const next = nextLetter({ network: on, keys }, state, { wish: all, nowMs });
    state = next.state;
    return next;
  };
}

function streamOf(size: number): Uint8Array[] {
  const write = createSender();
  return Array.from({ length: size }, () => write().bytes);
}

const create = (state?: unknown) => createLetterReceiver({ network, keys: bob }, state);
const textOf = ({ payload }: ReceivedLetter) => textFromUtf8(payload);
const textsOf = (intake: Intake) => (intake.kind === 'delivered' ? intake.letters.map(textOf) : []);
const reasonOf = (intake: Intake): LetterReason | 'taken' =>
  intake.kind === 'refused' ? intake.reason : 'taken';
const numbers = (size: number) => Array.from({ length: size }, (_, at) => String(at + 1));

describe('a receiver of letters', () => {
  it('delivers every letter once and in order, in whatever order, how often and how changed they come', () => {
    const size = 24;
    const originals = streamOf(size);
    const arrivals = fc.tuple(
      fc.shuffledSubarray(originals, { minLength: size, maxLength: size }),
      fc.array(fc.tuple(fc.nat(size - 1), fc.nat(3 * size), fc.option(fc.nat(300))), {
        maxLength: 30,
      }),
      fc.array(fc.nat(60), { maxLength: 4 }),
    );
    void fc.assert(
      fc.property(arrivals, ([order, extras, restarts]) => {
        const queue = [...order];
        for (const [which, at, change] of extras) {
          const copy = (originals[which] as Uint8Array).slice();
          if (change !== null) copy[change % copy.length] = (copy[change % copy.length] ?? 0) ^ 1;
          queue.splice(at, 0, copy);
        }
        let letters = create();
        const texts: string[] = [];
        for (const [at, bytes] of queue.entries()) {
          if (restarts.includes(at)) letters = create(JSON.parse(JSON.stringify(letters.state())));
          texts.push(...textsOf(letters.take(bytes, startMs)));
        }
        expect(texts).toEqual(numbers(size));
        expect(letters.held).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('delivers what came of a stream with holes: in order, once, and it counts what is missing', () => {
    const size = 20;
    const originals = streamOf(size);
    void fc.assert(
      fc.property(fc.shuffledSubarray(originals, { minLength: 1 }), (came) => {
        const letters = create();
        const got: ReceivedLetter[] = [];
        for (const bytes of came) {
          const intake = letters.take(bytes, startMs);
          if (intake.kind === 'delivered') got.push(...intake.letters);
        }
        const first = got.length;
        expect(letters.tick(startMs + limits.letterLifetimeMs)).toEqual([]);
        got.push(...letters.tick(startMs + limits.letterLifetimeMs + 1));
        const wanted = numbers(size).filter((text) =>
          came.includes(originals[Number(text) - 1] as Uint8Array),
        );
        expect(got.map(textOf)).toEqual(wanted);
        const missing = got.reduce((sum, letter) => sum + letter.missing, 0);
        expect(missing).toBe(Number(wanted.at(-1)) - wanted.length);
        expect(got.slice(0, first).every((letter) => letter.missing === 0)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('gives each refusal its own reason', () => {
    const letters = create();
    const write = createSender();
    const [one, two, three] = [write().bytes, write().bytes, write().bytes];
    const changed = two.slice();
    changed[changed.length - 70] = (changed[changed.length - 70] ?? 0) ^ 1;
    const take = (bytes: Uint8Array, nowMs = startMs) => reasonOf(letters.take(bytes, nowMs));
    expect(take(one)).toBe('taken');
    expect(take(one)).toBe('replayed');
    expect(take(changed)).toBe('forged');
    expect(take(two.subarray(0, 90))).toBe('malformed');
    expect(take(createSender(alice, other)().bytes)).toBe('otherNetwork');
    expect(take(createSender()(startMs, { receiver: hex(eve.publicKey) }).bytes)).toBe('notForMe');
    expect(take(two, startMs + limits.letterLifetimeMs + 1)).toBe('expired');
    expect(take(createSender()(startMs + limits.clockSkewMs + 1).bytes)).toBe('early');
    expect(take(three)).toBe('taken');
    expect(letters.held).toBe(1);
    expect(take(three)).toBe('replayed');
    expect(take(two)).toBe('taken');
    expect(take(three)).toBe('replayed');
    const picky = createLetterReceiver({ network, keys: bob, admits: () => false });
    expect(reasonOf(picky.take(one, startMs))).toBe('notAdmitted');
  });

  it('notices a letter that was exchanged for another of the same number', () => {
    const letters = create();
    const head = { receiver, stream: '07'.repeat(16), timeMs: startMs, expiresMs: startMs + dayMs };
    const content = { contentType: 'text/plain', payload: utf8('x'), replyTo: noLetter };
    const first = { ...head, ...content, sequence: 1, previous: noLetter, priorUntilMs: 0 };
    const write = (changes: object) => writeLetter(network, { ...first, ...changes }, alice);
    const one = write({});
    const exchanged = write({ payload: utf8('y') });
    const afterExchanged = { sequence: 2, previous: exchanged.id, priorUntilMs: startMs + dayMs };
    expect(reasonOf(letters.take(one.bytes, startMs))).toBe('taken');
    expect(reasonOf(letters.take(write(afterExchanged).bytes, startMs))).toBe('unlinked');
    const third = { sequence: 3, previous: exchanged.id, priorUntilMs: startMs + dayMs };
    expect(reasonOf(letters.take(write(third).bytes, startMs))).toBe('taken');
    const another = write({ ...third, payload: utf8('z') }).bytes;
    expect(reasonOf(letters.take(another, startMs))).toBe('conflict');
    // the third letter waits behind a second that it does not name: it is dropped, not delivered
    const second = { sequence: 2, previous: one.id, priorUntilMs: startMs + dayMs };
    expect(textsOf(letters.take(write(second).bytes, startMs))).toEqual(['x']);
    expect(letters.held).toBe(0);
  });

  it('refuses what is sealed to us under the name of another', () => {
    const theirs = createSender(alice)().bytes;
    const sealed = theirs.subarray(153, theirs.length - 64);
    const own = createSender(eve)().bytes.slice();
    expect(own.length).toBe(theirs.length);
    own.set(sealed, 153);
    expect(reasonOf(create().take(own, startMs))).toBe('forged');
  });

  it('gives up a gap as soon as nothing can fill it, and calls what comes then late', () => {
    const write = createSender();
    const letters = create();
    const [, lost] = [letters.take(write().bytes, startMs), write(startMs, { lifetimeMs: dayMs })];
    const later = write(startMs + 1, { lifetimeMs: 10_000 });
    expect(letters.take(later.bytes, startMs + 2).kind).toBe('held');
    expect(letters.tick(startMs + 10_001)).toEqual([]);
    // its own end comes first: it is delivered then, though the missing one may be on its way
    const [got] = letters.tick(startMs + 10_002);
    expect(got).toMatchObject({ missing: 1, sequence: 3 });
    expect(reasonOf(letters.take(lost.bytes, startMs + 10_003))).toBe('late');
    const next = write(startMs + 10_004);
    expect(textsOf(letters.take(next.bytes, startMs + 10_004))).toEqual(['4']);
  });

  it('does not wait for letters that ran out while it was away', () => {
    const write = createSender();
    for (let count = 0; count < 5; count += 1) write(startMs, { lifetimeMs: 60_000 });
    const sixth = write(startMs + 60_000, { lifetimeMs: 2 * dayMs });
    const letters = create();
    const backMs = startMs + dayMs;
    expect(letters.take(sixth.bytes, backMs).kind).toBe('held');
    expect(letters.tick(backMs).map(({ missing }) => missing)).toEqual([5]);
  });

  it('lets only so many letters, bytes and streams wait', () => {
    const write = createSender();
    const first = write().bytes;
    const letters = create();
    const ahead = Array.from({ length: limits.letterWindow }, () => write().bytes);
    const kinds = ahead.map((bytes) => reasonOf(letters.take(bytes, startMs)));
    expect(kinds.slice(0, -1).every((kind) => kind === 'taken')).toBe(true);
    expect(kinds.at(-1)).toBe('ahead');
    expect(textsOf(letters.take(first, startMs))).toHaveLength(limits.letterWindow);
    const streams = Array.from({ length: limits.letterStreamsPerSender }, () => createSender());
    const known = streams.map((next) => reasonOf(letters.take(next().bytes, startMs)));
    expect(known.at(-1)).toBe('streams');
    const muchLaterMs = startMs + limits.letterLifetimeMs + 2 * letterStreamIdleMs;
    expect(reasonOf(letters.take(createSender()(muchLaterMs).bytes, muchLaterMs))).toBe('taken');
    expect(letters.state()).toHaveLength(1);
  });

  it('bounds the bytes that wait', () => {
    const payload = new Uint8Array(60_000);
    const letters = create();
    let reason: string = 'taken';
    for (let sender = 10; reason === 'taken'; sender += 1) {
      const write = createSender(keysOf(sender));
      write();
      for (let count = 1; count < limits.letterWindow && reason === 'taken'; count += 1) {
        reason = reasonOf(letters.take(write(startMs, { payload }).bytes, startMs));
      }
    }
    expect(reason).toBe('full');
    expect(letters.held).toBe(Math.floor(limits.letterHeldBytes / 60_341));
  });

  it('does not start from a state that is none', () => {
    expect(() => create([{ sender: 'x' }])).toThrow('not readable');
    const [row] = (() => {
      const letters = create();
      letters.take(streamOf(2)[1] as Uint8Array, startMs);
      return letters.state();
    })();
    const held = [{ sequence: 2, letter: 'AAAA' }];
    expect(() => create([{ ...row, held }])).toThrow('a waiting letter is broken');
  });
});

describe('a sender of letters', () => {
  it('goes on in a stream until the receiver may have forgotten it', () => {
    const write = createSender();
    const letters = create();
    const endMs = startMs + 1_000;
    const one = write(startMs, { lifetimeMs: 1_000 });
    const two = write(endMs + letterStreamIdleMs - 1, { lifetimeMs: 1_000 });
    const three = write(endMs + 3 * letterStreamIdleMs, { lifetimeMs: 1_000 });
    expect(textsOf(letters.take(one.bytes, startMs))).toEqual(['1']);
    const skewedMs = endMs + letterStreamIdleMs + limits.clockSkewMs - 1;
    expect(letters.tick(skewedMs)).toEqual([]);
    expect(textsOf(letters.take(two.bytes, endMs + letterStreamIdleMs - 1))).toEqual(['2']);
    const lateMs = endMs + 3 * letterStreamIdleMs;
    expect(textsOf(letters.take(three.bytes, lateMs))).toEqual(['3']);
    expect(three.state[0]?.sequence).toBe(1);
  });
});
