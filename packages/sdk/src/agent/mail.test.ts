import {
  bytesFromBase64,
  createManualClock,
  hex,
  keyPairFromSeed,
  textFromUtf8,
  utf8,
} from '@aitbc/primitives';
import {
  AppError,
  decodeLetter,
  letterIdOf,
  limits,
  type MailboxLetter,
  networkFromHash,
} from '@aitbc/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../books/log.ts';
import { createTransport } from '../node/platform.ts';
import { openInbox } from './inbox.ts';
import { openOutbox } from './outbox.ts';
import { createMemoryAgentStore } from './store.ts';
import type { LetterCarrier } from './types.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const [alice, bob] = [1, 2].map((fill) => keyPairFromSeed(new Uint8Array(32).fill(fill))) as [
  ReturnType<typeof keyPairFromSeed>,
  ReturnType<typeof keyPairFromSeed>,
];
const clock = createManualClock(1_700_000_000_000);

/** A mailbox that may be away or refuse. */
function createMailbox() {
  let letters: MailboxLetter[] = [];
  let seq = 0;
  return {
    refusal: undefined as AppError | undefined,
    get letters() {
      return letters;
    },
    set letters(changed) {
      letters = changed;
    },
    async sendLetter({ letter }: { letter: string }) {
      if (this.refusal) throw this.refusal;
      const decoded = decodeLetter(bytesFromBase64(letter) ?? new Uint8Array());
      if (!decoded) throw new AppError('LETTER_INVALID', { reason: 'a test' });
      seq += 1;
      const id = letterIdOf(network, decoded);
      letters.push({ seq, id, letter });
      return { id, keptUntilMs: decoded.expiresMs };
    },
    readLetters: async ({ after = 0 }: { after?: number | undefined }) => {
      const found = letters.filter((row) => row.seq > after).slice(0, limits.pageSize);
      return { letters: found, next: found.at(-1)?.seq ?? after };
    },
    async acknowledgeLetters({ ids }: { ids: readonly string[] }) {
      letters = letters.filter(({ id }) => !ids.includes(id));
      return { deleted: ids.length };
    },
  };
}

let mailbox: ReturnType<typeof createMailbox>;
beforeEach(() => {
  mailbox = createMailbox();
});

const receiver = hex(bob.publicKey);
const wishOf = (text: string) => ({ receiver, contentType: 'text/plain', payload: utf8(text) });

async function outboxOf(store = createMemoryAgentStore(), carrier?: LetterCarrier) {
  return openOutbox({ network, keys: alice, store, clock, coordinator: mailbox, carrier });
}

async function inboxOf(heard: string[], store = createMemoryAgentStore(), carrier?: LetterCarrier) {
  return openInbox({
    ...{ network, keys: bob, store, clock, log: silentLog, carrier },
    ...{ transport: createTransport(), coordinator: mailbox, coordinatorUrl: 'http://127.0.0.1:1' },
    onLetter({ payload }) {
      heard.push(textFromUtf8(payload));
      if (heard.at(-1) === 'bad') throw new Error('a listener that fails');
    },
  });
}

describe('letters of an agent', () => {
  it('go into the mailbox numbered, also when many are sent at once and after a restart', async () => {
    const store = createMemoryAgentStore();
    const outbox = await outboxOf(store);
    const texts = ['a', 'b', 'c', 'd'];
    const sent = await Promise.all(texts.map((text) => outbox.send(wishOf(text))));
    expect(sent.map(({ state }) => state)).toEqual(['stored', 'stored', 'stored', 'stored']);
    await (await outboxOf(store)).send(wishOf('e'));
    mailbox.letters = mailbox.letters.toReversed().map((row, at) => ({ ...row, seq: at + 1 }));
    const heard: string[] = [];
    expect(await (await inboxOf(heard)).read()).toBe(5);
    expect([heard, mailbox.letters]).toEqual([['a', 'b', 'c', 'd', 'e'], []]);
  });

  it('are heard once though they come over the carrier and the mailbox', async () => {
    let onLetter: (letter: Uint8Array) => void = () => {};
    const carrier: LetterCarrier = {
      send: async (_to, letter) => onLetter(letter),
      onLetter(handler) {
        onLetter = handler;
        return () => {};
      },
    };
    const heard: string[] = [];
    const inbox = await inboxOf(heard, undefined, carrier);
    const ending = new AbortController();
    const following = inbox.follow(ending.signal);
    const { state } = await (await outboxOf(undefined, carrier)).send(wishOf('fast'));
    expect([state, mailbox.letters.length]).toEqual(['delivered', 1]);
    await inbox.read();
    ending.abort();
    await following;
    expect([heard, inbox.refused, mailbox.letters]).toEqual([['fast'], { replayed: 1 }, []]);
  });

  it('take the mailbox when the carrier does not reach the receiver', async () => {
    const send = () => Promise.reject(new AppError('BUS_UNDELIVERED'));
    const outbox = await outboxOf(undefined, { send, onLetter: () => () => {} });
    expect(await outbox.send(wishOf('slow'))).toMatchObject({ state: 'stored' });
  });

  it('wait here while the mailbox is away, across a restart, and run out', async () => {
    const store = createMemoryAgentStore();
    mailbox.refusal = new AppError('UNAVAILABLE', { what: 'it', reason: 'a test' });
    const outbox = await outboxOf(store);
    expect(await outbox.send(wishOf('one'))).toMatchObject({ state: 'waiting' });
    await outbox.send({ ...wishOf('two'), lifetimeMs: 1_000 });
    clock.advance(2_000);
    mailbox.refusal = undefined;
    const later = await outboxOf(store);
    expect(later.waiting).toBe(2);
    await later.flush();
    await later.send(wishOf('three'));
    expect([later.waiting, mailbox.letters.length]).toEqual([0, 2]);
    const heard: string[] = [];
    const inbox = await inboxOf(heard);
    await inbox.read();
    expect(heard).toEqual(['one']); // the second may still come, as far as the receiver knows
    clock.advance(limits.letterLifetimeMs);
    await inbox.read();
    expect(heard).toEqual(['one', 'three']);
  });

  it('begin a new stream behind a letter that is refused for good', async () => {
    const outbox = await outboxOf();
    await outbox.send(wishOf('one'));
    mailbox.refusal = new AppError('SENDER_NOT_ADMITTED', {});
    await expect(outbox.send(wishOf('lost'))).rejects.toMatchObject({
      code: 'SENDER_NOT_ADMITTED',
    });
    mailbox.refusal = undefined;
    await outbox.send(wishOf('two'));
    const heard: string[] = [];
    await (await inboxOf(heard)).read();
    expect([heard, outbox.waiting]).toEqual([['one', 'two'], 0]);
  });

  it('are not heard again after a restart, nor when a listener fails', async () => {
    const store = createMemoryAgentStore();
    const outbox = await outboxOf();
    const heard: string[] = [];
    for (const text of ['good', 'bad', 'good again']) await outbox.send(wishOf(text));
    const kept = [...mailbox.letters];
    await (await inboxOf(heard, store)).read();
    mailbox.letters = kept; // a coordinator that does not delete
    const again = await inboxOf(heard, store);
    await again.read();
    expect([heard, again.refused]).toEqual([['good', 'bad', 'good again'], { replayed: 3 }]);
  });

  it('that are too early to be kept stay in the mailbox', async () => {
    const outbox = await outboxOf();
    for (let count = 0; count <= limits.letterWindow; count += 1)
      await outbox.send(wishOf(`${count}`));
    const [first, ...rest] = mailbox.letters;
    mailbox.letters = rest;
    const heard: string[] = [];
    const inbox = await inboxOf(heard);
    await inbox.read();
    expect([heard, mailbox.letters.length]).toEqual([[], 1]);
    if (first) mailbox.letters.unshift(first);
    await inbox.read();
    expect([heard.length, mailbox.letters]).toEqual([limits.letterWindow + 1, []]);
  });
});
