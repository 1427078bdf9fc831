/** Accounts that write and read letters, for tests: real keys and signatures, the clock of the test. */
import {
  base64,
  bytesFromBase64,
  type Clock,
  hex,
  type KeyPair,
  keyPairFromSeed,
  sha256,
  textFromUtf8,
  utf8,
} from '@aitbc/primitives';
import {
  createLetterReceiver,
  type Hex,
  type LetterWish,
  messageEndpoints,
  type NextLetter,
  nextLetter,
  type OutboxState,
  signAccountCall,
  writeNotice,
} from '@aitbc/protocol';
import { type CoordinatorClient, createTransport, readEvents, type StreamEvent } from '@aitbc/sdk';
import { network } from './harness.ts';

/** One account. */
export interface Correspondent {
  readonly keys: KeyPair;
  /** Public key. */
  readonly key: Hex;
  /** The next letter to a receiver. */
  write(to: Hex, text: string, changes?: Partial<LetterWish>): NextLetter;
  /** Puts the next letter into a mailbox. */
  send(client: CoordinatorClient, to: Hex, text: string): Promise<NextLetter>;
  /** What a receiver that takes all of these letters delivers, as texts. */
  take(letters: readonly string[]): string[];
  /** Reasons of what was refused so far. */
  readonly refused: string[];
  notice(topic: string, text: string): string;
  /** Reads the mailbox; deletes what was read when `deletes`. */
  read(client: CoordinatorClient, deletes?: boolean): Promise<string[]>;
  /** Events of the mailbox. */
  follow(url: string, signal: AbortSignal): AsyncGenerator<StreamEvent>;
}

/** The account of a name. */
export function createCorrespondent(name: string, clock: Clock): Correspondent {
  const keys = keyPairFromSeed(sha256(utf8(`letters of ${name}`)));
  const receiver = createLetterReceiver({ network, keys });
  const refused: string[] = [];
  let outbox: OutboxState = [];
  const signed = (row: Parameters<typeof signAccountCall>[1]['row'], input: unknown) => ({
    authorization: signAccountCall(network, { row, input }, { keys, nowMs: clock.nowMs() }),
  });
  const write: Correspondent['write'] = (to, text, changes = {}) => {
    const wish = { receiver: to, contentType: 'text/plain', payload: utf8(text), ...changes };
    const next = nextLetter({ network, keys }, outbox, { wish, nowMs: clock.nowMs() });
    outbox = next.state;
    return next;
  };
  return {
    keys,
    key: hex(keys.publicKey),
    refused,
    write,
    async send(client, to, text) {
      const next = write(to, text);
      await client.sendLetter({ letter: base64(next.bytes) });
      return next;
    },
    take(letters) {
      return letters.flatMap((letter) => {
        const intake = receiver.take(bytesFromBase64(letter) ?? new Uint8Array(), clock.nowMs());
        if (intake.kind === 'refused') refused.push(intake.reason);
        if (intake.kind !== 'delivered') return [];
        return intake.letters.map(({ payload }) => textFromUtf8(payload));
      });
    },
    notice(topic, text) {
      const wish = { topic, contentType: 'text/plain', payload: utf8(text) };
      return base64(writeNotice(network, wish, { keys, nowMs: clock.nowMs() }));
    },
    async read(client, deletes = false) {
      const { letters } = await client.readLetters(
        {},
        { headers: signed(messageEndpoints.readLetters, {}) },
      );
      if (deletes && letters.length > 0) {
        const input = { ids: letters.map(({ id }) => id) };
        const headers = signed(messageEndpoints.acknowledgeLetters, input);
        await client.acknowledgeLetters(input, { headers });
      }
      return letters.map(({ letter }) => letter);
    },
    follow(url, signal) {
      const headers = signed(messageEndpoints.followLetters, {});
      const request = { url: `${url}${messageEndpoints.followLetters.path}`, headers, signal };
      return readEvents(createTransport(), request);
    },
  };
}
