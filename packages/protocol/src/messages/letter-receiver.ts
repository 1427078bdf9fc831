/**
 * The receiver's side of letters: each exactly once, in order, and nothing that was changed on the way. Pure: time and
 * state come in and go out, so that what is known survives a restart wherever the caller keeps it.
 *
 * A stream knows the number it expects and the id of the letter before. The expected one that names that id is delivered,
 * and after it what waited for it. A later one waits (`held`), at most `letterWindow` ahead. A gap is given up when nothing
 * can fill it any more: when the time has passed at which the missing letters run out (the waiting letter names it), or the
 * waiting letter itself does; then it is delivered with the number of those that are missing.
 *
 *   reason        when                                                        may succeed later
 *   malformed     no letter, or larger than the limit                         no
 *   otherNetwork  signed for another chain                                    no
 *   notForMe      written to another account                                  no
 *   forged        libsodium refuses the signature                             no
 *   notAdmitted   the `admits` of the options says no                         no
 *   expired       its time is over                                            no
 *   early         its clock is more than `clockSkewMs` ahead of ours          yes
 *   unreadable    not sealed to us, or another sender inside                  no
 *   replayed      this number was delivered, or waits already                 no
 *   late          its gap was given up                                        no
 *   conflict      another letter with this number waits                       no
 *   unlinked      the letter before it is not the one that was delivered      no
 *   ahead         `letterWindow` or more beyond the expected one              yes
 *   full          no room to let it wait                                      yes
 *   streams       no room for another stream                                  yes
 *
 * A stream is forgotten when all of its letters have long run out: what could be repeated is `expired` by then.
 * Only what passed the signature and the seal is remembered. Rejected: waiting a fixed time for missing letters, which loses
 * letters that lie at a carrier which is away for longer.
 */
import { base64, bytesFromBase64, createSealOpener, hex, type KeyPair } from '@aitbc/primitives';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import type { Network } from '../network.ts';
import { zBase64, zCount, zHash, zKey } from '../scalars.ts';
import {
  decodeLetter,
  isLetterSigned,
  type Letter,
  type LetterContent,
  type LetterHead,
  letterIdOf,
  noLetter,
  openLetter,
} from './letter.ts';
import { letterStreamIdleMs, zStreamId } from './letter-outbox.ts';

/** Why a letter was not taken. */
export type LetterReason =
  | 'malformed'
  | 'otherNetwork'
  | 'notForMe'
  | 'forged'
  | 'notAdmitted'
  | 'expired'
  | 'early'
  | 'unreadable'
  | 'replayed'
  | 'late'
  | 'conflict'
  | 'unlinked'
  | 'ahead'
  | 'full'
  | 'streams';

/** Refusals after which the same letter may be taken later: it must not be thrown away. */
export const passingReasons: ReadonlySet<LetterReason> = new Set([
  'early',
  'ahead',
  'full',
  'streams',
]);

/** A letter for the application. */
export interface ReceivedLetter extends LetterHead, LetterContent {
  readonly id: Hex;
  /** Letters right before this one that never came. */
  readonly missing: number;
}

/** What became of a letter. */
export type Intake =
  /** In order: this one and those that had waited for it. */
  | { readonly kind: 'delivered'; readonly letters: readonly ReceivedLetter[] }
  /** It waits for the ones before it; it is part of the state from now on. */
  | { readonly kind: 'held' }
  | { readonly kind: 'refused'; readonly reason: LetterReason };

const zHeld = z.strictObject({ sequence: zCount, letter: zBase64 });
const zInStream = z.strictObject({
  sender: zKey,
  stream: zStreamId,
  next: zCount,
  lastId: zHash,
  untilMs: zCount,
  gaps: z.array(z.tuple([zCount, zCount])).max(limits.letterGaps),
  held: z.array(zHeld).max(limits.letterWindow),
});

/** All that a receiver knows; JSON. */
export const zReceiverState = z.array(zInStream).max(limits.letterStreams);
export type ReceiverState = z.infer<typeof zReceiverState>;

interface Held {
  readonly id: Hex;
  readonly letter: Letter;
  readonly bytes: Uint8Array;
}

interface Stream {
  readonly sender: Hex;
  readonly stream: Hex;
  next: number;
  lastId: Hex;
  /** When the last of its letters that were taken runs out. */
  untilMs: number;
  /** Numbers that were given up, from and to. */
  gaps: [number, number][];
  readonly held: Map<number, Held>;
}

/** Takes letters for one account. */
export interface LetterReceiver {
  take(bytes: Uint8Array, nowMs: number): Intake;
  /** Letters whose gap is given up now. To be asked from time to time, and after a start. */
  tick(nowMs: number): readonly ReceivedLetter[];
  /** What to keep; to be stored after every step whose letters were handled. */
  state(): ReceiverState;
  /** Letters that wait for earlier ones. */
  readonly held: number;
}

/** What a receiver works with. */
export interface LetterReceiverOptions {
  readonly network: Network;
  readonly keys: KeyPair;
  /** Whose letters are taken; default everybody's. */
  readonly admits?: ((sender: Hex) => boolean) | undefined;
}

/** A receiver that knows what `state` says. Throws AppError STORE_CORRUPT. */
export function createLetterReceiver(
  options: LetterReceiverOptions,
  state: unknown = [],
): LetterReceiver {
  const streams = loadStreams(options.network, state);
  const core: Core = { ...options, streams, opener: createSealOpener(options.keys), heldBytes: 0 };
  for (const { held } of streams.values()) {
    for (const { bytes } of held.values()) core.heldBytes += bytes.length;
  }
  return {
    take: (bytes, nowMs) => take(core, bytes, nowMs),
    tick(nowMs) {
      forgetOld(core, nowMs);
      return [...streams.values()].flatMap((stream) => giveUpGaps(core, stream, nowMs));
    },
    state: () => [...streams.values()].map(rowOf),
    get held() {
      return [...streams.values()].reduce((count, { held }) => count + held.size, 0);
    },
  };
}

interface Core extends LetterReceiverOptions {
  readonly streams: Map<string, Stream>;
  readonly opener: ReturnType<typeof createSealOpener>;
  heldBytes: number;
}

const refused = (reason: LetterReason): Intake => ({ kind: 'refused', reason });

function take(core: Core, bytes: Uint8Array, nowMs: number): Intake {
  const letter = decodeLetter(bytes);
  if (!letter) return refused('malformed');
  const reason = faultOf(core, letter, nowMs);
  if (reason) return refused(reason);
  const key = keyOf(letter);
  const known = core.streams.get(key);
  if (!known && !hasRoomForStream(core, letter, nowMs)) return refused('streams');
  const stream = known ?? freshStream(letter);
  const entry = { id: letterIdOf(core.network, letter), letter, bytes };
  const intake = place(core, stream, entry);
  if (intake.kind === 'refused') return intake;
  stream.untilMs = Math.max(stream.untilMs, letter.expiresMs);
  core.streams.set(key, stream);
  return intake;
}

/** What speaks against a letter, whatever came before it. */
function faultOf(core: Core, letter: Letter, nowMs: number): LetterReason | undefined {
  const { network, keys, admits = () => true } = core;
  if (letter.chain !== network.chain) return 'otherNetwork';
  if (letter.receiver !== hex(keys.publicKey)) return 'notForMe';
  if (!isLetterSigned(network, letter)) return 'forged';
  if (!admits(letter.sender)) return 'notAdmitted';
  if (letter.expiresMs < nowMs) return 'expired';
  if (letter.timeMs > nowMs + limits.clockSkewMs) return 'early';
  return openLetter(letter, core.opener) ? undefined : 'unreadable';
}

/** Where a good letter belongs in its stream. */
function place(core: Core, stream: Stream, entry: Held): Intake {
  const { sequence, previous } = entry.letter;
  if (sequence < stream.next) return refused(isGivenUp(stream, sequence) ? 'late' : 'replayed');
  if (sequence === stream.next) {
    if (previous !== stream.lastId) return refused('unlinked');
    return { kind: 'delivered', letters: deliver(core, stream, entry) };
  }
  const waiting = stream.held.get(sequence);
  if (waiting) return refused(waiting.id === entry.id ? 'replayed' : 'conflict');
  if (sequence >= stream.next + limits.letterWindow) return refused('ahead');
  if (core.heldBytes + entry.bytes.length > limits.letterHeldBytes) return refused('full');
  const bytes = entry.bytes.slice();
  const letter = decodeLetter(bytes) as Letter; // its parts are views of bytes that nobody else changes
  stream.held.set(sequence, { id: entry.id, letter, bytes });
  core.heldBytes += bytes.length;
  return { kind: 'held' };
}

/** This letter and all that waited for it. What does not name the letter before it was exchanged, and is dropped. */
function deliver(core: Core, stream: Stream, first: Held): ReceivedLetter[] {
  const letters: ReceivedLetter[] = [];
  for (let entry: Held | undefined = first; entry; entry = takeHeld(core, stream, stream.next)) {
    const { letter, id } = entry;
    const isLinked = letters.length === 0 || letter.previous === stream.lastId;
    if (!isLinked) break;
    letters.push(receivedOf(core, entry, letter.sequence - stream.next));
    stream.next = letter.sequence + 1;
    stream.lastId = id;
  }
  return letters;
}

function takeHeld(core: Core, stream: Stream, sequence: number): Held | undefined {
  const entry = stream.held.get(sequence);
  if (!entry) return undefined;
  stream.held.delete(sequence);
  core.heldBytes -= entry.bytes.length;
  return entry;
}

function receivedOf({ opener }: Core, { id, letter }: Held, missing: number): ReceivedLetter {
  const { chain: _chain, sealed: _sealed, signed: _signed, signature: _sig, ...head } = letter;
  const content = openLetter(letter, opener);
  if (!content) throw new Error('a letter that was taken cannot be opened');
  return { id, ...head, ...content, missing };
}

/** Delivers the waiting letters before which nothing can come any more. */
function giveUpGaps(core: Core, stream: Stream, nowMs: number): ReceivedLetter[] {
  const letters: ReceivedLetter[] = [];
  for (;;) {
    const lowest = Math.min(...stream.held.keys());
    const waiting = stream.held.get(lowest);
    if (!waiting) return letters;
    const { priorUntilMs, expiresMs } = waiting.letter;
    if (nowMs <= Math.min(priorUntilMs, expiresMs)) return letters;
    stream.gaps = [...stream.gaps, [stream.next, lowest - 1] as [number, number]].slice(
      -limits.letterGaps,
    );
    takeHeld(core, stream, lowest);
    letters.push(...deliver(core, stream, waiting));
  }
}

function isGivenUp({ gaps }: Stream, sequence: number): boolean {
  return gaps.some(([from, to]) => from <= sequence && sequence <= to);
}

function hasRoomForStream(core: Core, { sender }: Letter, nowMs: number): boolean {
  forgetOld(core, nowMs);
  if (core.streams.size >= limits.letterStreams) return false;
  let ofSender = 0;
  for (const stream of core.streams.values()) if (stream.sender === sender) ofSender += 1;
  return ofSender < limits.letterStreamsPerSender;
}

/** A sender uses a stream for an hour longer than its letters last, by a clock that may differ from ours. */
function forgetOld({ streams }: Core, nowMs: number): void {
  for (const [key, { untilMs, held }] of streams) {
    const keptUntilMs = untilMs + letterStreamIdleMs + 2 * limits.clockSkewMs;
    if (held.size === 0 && keptUntilMs < nowMs) streams.delete(key);
  }
}

function keyOf({ sender, stream }: Pick<LetterHead, 'sender' | 'stream'>): string {
  return `${sender}${stream}`;
}

function freshStream({ sender, stream }: LetterHead): Stream {
  return { sender, stream, next: 1, lastId: noLetter, untilMs: 0, gaps: [], held: new Map() };
}

function rowOf({ held, ...stream }: Stream): ReceiverState[number] {
  const rows = [...held].map(([sequence, { bytes }]) => ({ sequence, letter: base64(bytes) }));
  return { ...stream, gaps: stream.gaps.map(([from, to]) => [from, to]), held: rows };
}

function loadStreams(network: Network, state: unknown): Map<string, Stream> {
  const parsed = zReceiverState.safeParse(state);
  const corrupt = (reason: string) => new AppError('STORE_CORRUPT', { what: 'letters', reason });
  if (!parsed.success) throw corrupt(parsed.error.issues[0]?.message ?? 'not the state of letters');
  const streams = parsed.data.map((row): [string, Stream] => {
    const held = row.held.map(({ sequence, letter: text }): [number, Held] => {
      const bytes = bytesFromBase64(text);
      const letter = bytes && decodeLetter(bytes);
      if (!bytes || letter?.sequence !== sequence) throw corrupt('a waiting letter is broken');
      return [sequence, { id: letterIdOf(network, letter), letter, bytes }];
    });
    return [keyOf(row), { ...row, held: new Map(held) }];
  });
  return new Map(streams);
}
