/**
 * Many calls on one line (docs/spec/market.md, "Relay"). Both ends use it: the coordinator opens calls, the provider
 * takes them. It holds no socket and no clock; frames go out through `send` and come in through `receive`.
 *
 *   call:  opened ─head, data…, end─▶ half done ─the other side's end─▶ over
 *             └────────────── reset by either side, or the line closes ─────▶ over
 *
 * Credit keeps everything bounded. A side may send while its credit is above zero, and each frame costs its payload, so
 * it is overdrawn by one frame at most (exact fits would cut small crumbs). There are two kinds:
 *
 * - of a call, `relayWindowBytes`: given back when the reader has taken the bytes. It bounds the memory for a slow reader.
 * - of the line, `relayLineBytes`: given back when the bytes have arrived. It bounds what is in the pipe, so a frame of
 *   the socket's own (heartbeat, job) waits behind that much and no more. It is not tied to readers: one that is slow
 *   must not hold up the others.
 *
 * Calls take turns, one frame of at most `relayChunkBytes` each. Whoever breaks a rule is BAD_REQUEST, and the owner of
 * the line ends the connection. Frames of a call that is over are passed over: they were on their way.
 *
 * Rejected: to look at the socket's own backlog instead of the line's credit. It tells only what has not left this
 * machine, nobody hears when it shrinks, and a pipe with deep buffers would hide seconds of delay.
 */
import { AppError, unwrap } from '../errors.ts';
import { limits } from '../limits.ts';
import {
  decodeRelayFrame,
  encodeRelayCredit,
  encodeRelayFrame,
  type RelayFrame,
  relayCreditOf,
} from './relay-frames.ts';

/** One call, seen from one end. After its end nothing here has an effect. */
export interface RelayCall {
  /** Sends the payload of the head frame (`encodeRelayHead`); once, before anything else. */
  head(payload: Uint8Array): void;
  /** Sends a part of a body. False: send no more until `onDrain`. */
  send(bytes: Uint8Array): boolean;
  /** Nothing more will be sent. */
  end(): void;
  /** Ends the call at once; no event comes any more. */
  reset(): void;
  /** The reader has taken so many bytes of what `onData` gave. */
  taken(sizeBytes: number): void;
}

/** What the other end says. After `onReset`, or when both ends have ended, nothing comes. */
export interface RelayCallEvents {
  /** Payload of the head frame, for `decodeRelayHead`; what it throws is a broken rule. */
  onHead(payload: Uint8Array): void;
  onData(bytes: Uint8Array): void;
  onEnd(): void;
  /** The other end gave the call up, or the line is gone. */
  onReset(): void;
  /** What `send` held back has left. */
  onDrain(): void;
}

/** How a line works. */
export interface RelayLineOptions {
  readonly send: (frame: Uint8Array) => void;
  /** Takes a call of the other end; without this none may come. */
  readonly accept?: (call: RelayCall) => RelayCallEvents;
}

/** All calls of one connection. */
export interface RelayLine {
  /** A new call; ask `isFull` first. */
  open(makeEvents: (call: RelayCall) => RelayCallEvents): RelayCall;
  /** A frame of the other end. Throws BAD_REQUEST for what breaks the rules, and what `onHead` throws. */
  receive(frame: Uint8Array): void;
  /** Calls that are not over. */
  readonly size: number;
  /** No further call may be opened now. */
  isFull(): boolean;
  /** The connection is gone: every call is over. */
  close(): void;
}

const callsMax = limits.relayCallsPerProvider;
const callNumberMax = 0xffff_ffff;

interface Call {
  readonly number: number;
  readonly line: Line;
  events: RelayCallEvents;
  isOver: boolean;
  readonly ours: {
    head: Uint8Array | undefined;
    queue: Uint8Array[];
    credit: number;
    isHeldBack: boolean;
    hasEnded: boolean;
    endIsSent: boolean;
  };
  readonly theirs: { credit: number; owed: number; hasHead: boolean; hasEnded: boolean };
}

interface Line extends RelayLineOptions {
  readonly calls: Map<number, Call>;
  /** Calls that may send now, the next one first. */
  readonly ready: Set<Call>;
  /** What we may still send, what the other end may, and how much of that is to be given back. */
  credit: number;
  theirCredit: number;
  owed: number;
  last: number;
  isPumping: boolean;
  isClosed: boolean;
}

/** A line without calls. */
export function createRelayLine(options: RelayLineOptions): RelayLine {
  const line: Line = {
    ...options,
    calls: new Map(),
    ready: new Set(),
    credit: limits.relayLineBytes,
    theirCredit: limits.relayLineBytes,
    owed: 0,
    last: 0,
    isPumping: false,
    isClosed: false,
  };
  return {
    open: (makeEvents) => handleOf(addCall(line, line.last + 1, makeEvents)),
    receive: (bytes) => receive(line, bytes),
    get size() {
      return line.calls.size;
    },
    isFull: () => line.isClosed || line.calls.size >= callsMax || line.last === callNumberMax,
    close() {
      line.isClosed = true;
      for (const call of [...line.calls.values()]) {
        remove(call);
        call.events.onReset();
      }
    },
  };
}

function addCall(
  line: Line,
  number: number,
  makeEvents: (call: RelayCall) => RelayCallEvents,
): Call {
  const credit = limits.relayWindowBytes;
  const ends = { isHeldBack: false, hasEnded: false, endIsSent: false };
  const call: Call = {
    ...{ number, line, events: silent, isOver: false },
    ours: { head: undefined, queue: [], credit, ...ends },
    theirs: { credit, owed: 0, hasHead: false, hasEnded: false },
  };
  line.last = number;
  line.calls.set(number, call);
  call.events = makeEvents(handleOf(call));
  return call;
}

const silent: RelayCallEvents = Object.freeze({
  onHead() {},
  onData() {},
  onEnd() {},
  onReset() {},
  onDrain() {},
});

function handleOf(call: Call): RelayCall {
  const { line, number, ours } = call;
  return {
    head(payload) {
      if (call.isOver) return;
      ours.head = payload;
      offer(call);
    },
    send(bytes) {
      if (call.isOver || bytes.length === 0) return true;
      ours.queue.push(bytes);
      offer(call);
      ours.isHeldBack = hasWaiting(call);
      return !ours.isHeldBack;
    },
    end() {
      if (call.isOver) return;
      ours.hasEnded = true;
      settle(call);
    },
    reset() {
      if (call.isOver) return;
      remove(call);
      line.send(encodeRelayFrame('reset', number));
    },
    taken: (sizeBytes) => giveBack(call, sizeBytes),
  };
}

function giveBack({ line, number, isOver, theirs }: Call, sizeBytes: number): void {
  theirs.owed += sizeBytes;
  if (isOver || theirs.hasEnded || theirs.owed < limits.relayWindowBytes / 2) return;
  line.send(encodeRelayCredit(number, theirs.owed));
  theirs.credit += theirs.owed;
  theirs.owed = 0;
}

function remove(call: Call): void {
  call.isOver = true;
  call.ours.head = undefined;
  call.ours.queue = [];
  call.line.calls.delete(call.number);
  call.line.ready.delete(call);
}

function hasWaiting({ ours }: Call): boolean {
  return ours.head !== undefined || ours.queue.length > 0;
}

function maySend({ ours }: Call): boolean {
  return ours.head !== undefined || (ours.queue.length > 0 && ours.credit > 0);
}

function offer(call: Call): void {
  if (maySend(call)) call.line.ready.add(call);
  pump(call.line);
}

/** Sends while the line may carry more; each call that is ready has one frame a turn. */
function pump(line: Line): void {
  if (line.isPumping) return;
  line.isPumping = true;
  try {
    while (line.credit > 0) {
      const [call] = line.ready;
      if (!call) break;
      line.ready.delete(call);
      sendOne(call);
    }
  } finally {
    line.isPumping = false;
  }
}

function sendOne(call: Call): void {
  const { line, number, ours } = call;
  const { type, payload } = takeNext(ours);
  line.credit -= payload.length;
  if (type === 'data') ours.credit -= payload.length;
  line.send(encodeRelayFrame(type, number, payload));
  if (maySend(call)) line.ready.add(call);
  if (hasWaiting(call)) return;
  settle(call);
  if (!ours.isHeldBack || call.isOver) return;
  ours.isHeldBack = false;
  call.events.onDrain();
}

/** Takes a frame's worth out of what waits. */
function takeNext(ours: Call['ours']): { type: 'head' | 'data'; payload: Uint8Array } {
  const { head, queue } = ours;
  if (head) {
    ours.head = undefined;
    return { type: 'head', payload: head };
  }
  const [first] = queue as [Uint8Array];
  if (first.length <= limits.relayChunkBytes) queue.shift();
  else queue[0] = first.subarray(limits.relayChunkBytes);
  return { type: 'data', payload: first.subarray(0, limits.relayChunkBytes) };
}

/** Says our end when all before it has left; a call that has both ends is over. */
function settle(call: Call): void {
  const { line, number, ours, theirs } = call;
  if (ours.hasEnded && !ours.endIsSent && !hasWaiting(call)) {
    ours.endIsSent = true;
    line.send(encodeRelayFrame('end', number));
  }
  if (ours.endIsSent && theirs.hasEnded) remove(call);
}

function receive(line: Line, bytes: Uint8Array): void {
  if (line.isClosed) return;
  const frame = unwrap(decodeRelayFrame(bytes));
  if (frame.call === 0) {
    line.credit = topUp(line.credit, frame, limits.relayLineBytes);
    pump(line);
    return;
  }
  if (frame.type === 'head' || frame.type === 'data') charge(line, frame.payload.length);
  const call = callOf(line, frame);
  if (call) hear(call, frame);
}

/** What came costs the line, and is given back in large pieces. */
function charge(line: Line, sizeBytes: number): void {
  if (line.theirCredit <= 0) throw broken('more than the line may carry');
  line.theirCredit -= sizeBytes;
  line.owed += sizeBytes;
  if (line.owed < limits.relayLineBytes / 2) return;
  line.send(encodeRelayCredit(0, line.owed));
  line.theirCredit += line.owed;
  line.owed = 0;
}

/** Credit after a frame that adds to it; nobody gives back more than was used. */
function topUp(credit: number, { payload }: RelayFrame, max: number): number {
  const sum = credit + relayCreditOf(payload);
  if (sum > max) throw broken('more credit than was used');
  return sum;
}

/** The call of a frame, a new one where it opens one; undefined when it is over. */
function callOf(line: Line, { type, call: number }: RelayFrame): Call | undefined {
  const known = line.calls.get(number);
  if (known || number <= line.last) return known;
  if (!line.accept || type !== 'head') throw broken(`a ${type} frame of a call nobody opened`);
  if (line.calls.size >= callsMax) throw broken(`more than ${callsMax} calls`);
  return addCall(line, number, line.accept);
}

function hear(call: Call, frame: RelayFrame): void {
  const { ours, theirs, events } = call;
  const { type, payload } = frame;
  if (type === 'head') {
    if (theirs.hasHead) throw broken('a second head');
    theirs.hasHead = true;
    events.onHead(payload);
  } else if (type === 'data') {
    if (!theirs.hasHead || theirs.hasEnded) throw broken('data out of order');
    if (theirs.credit <= 0) throw broken('more than a call may carry');
    theirs.credit -= payload.length;
    events.onData(payload);
  } else if (type === 'end') {
    if (!theirs.hasHead || theirs.hasEnded) throw broken('an end out of order');
    theirs.hasEnded = true;
    settle(call);
    events.onEnd();
  } else if (type === 'reset') {
    remove(call);
    events.onReset();
  } else {
    ours.credit = topUp(ours.credit, frame, limits.relayWindowBytes);
    offer(call);
  }
}

function broken(what: string): AppError {
  return new AppError('BAD_REQUEST', { reason: `a relayed call broke the rules: ${what}` });
}
