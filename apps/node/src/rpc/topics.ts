/**
 * Topics: what a subscription wants and where it stands.
 *
 * A cursor `height.index` is the place of the next item: everything before it was sent. Items of a block
 * are numbered per topic: `finalBlocks` has one, `transactions` and `tx` count transactions, the others
 * count the entries that the block wrote. `finalBlocks`, `transactions` and `tx` replay history item by
 * item; the others send the present state of each entry once, however often it changed meanwhile.
 */
import { partsOfKey, type StateKey } from '@aitbc/chain';
import { AppError, accountIdOf, type Hex, rpcTopics, unwrap } from '@aitbc/protocol';

/** Place of the next item to send. */
export interface Position {
  readonly height: number;
  readonly index: number;
}

/** One thing to tell; `json` is the text of `data`. */
export interface Item {
  /** Position behind the item. */
  readonly next: Position;
  readonly json: string;
}

/** What topics read from. */
export interface TopicSource {
  headHeight(): number;
  /** Height of the oldest block that is here. */
  firstHeight(): number;
  /** JSON of `{hash, header}`. */
  blockJson(height: number): string;
  txCount(height: number): number;
  /** JSON of the status of a final transaction. */
  statusJson(height: number, index: number): string;
  placeOf(txId: Hex): Position | undefined;
  touched(height: number): readonly StateKey[];
  /** Index of a key among those the block wrote. */
  touchedIndex(height: number, key: StateKey): number | undefined;
  /** JSON of the present state of an account, channel or mandate. */
  entryJson(key: StateKey): string;
  receiverOf(channelId: Hex): Hex | undefined;
}

/** A parsed topic. */
export interface Topic {
  readonly name: string;
  /** Blocks looked at in one go. */
  readonly stride: number;
  /** Where a subscription without a cursor starts. */
  start(source: TopicSource): Position;
  /** Items from a position up to and including a height, each made when it is asked for. */
  items(source: TopicSource, from: Position, toHeight: number): Iterable<Item>;
}

const hashPattern = /^[0-9a-f]{64}$/;
const stateStride = 64;

type TopicMaker = (name: string, argument: string) => Topic;

const plainTopics: Readonly<Record<string, TopicMaker>> = {
  [rpcTopics.finalBlocks]: blocksTopic,
  [rpcTopics.transactions]: transactionsTopic,
  [rpcTopics.mandates]: mandatesTopic,
};

const namedTopics: Readonly<Record<string, TopicMaker>> = {
  [rpcTopics.tx]: (name, id) => txTopic(name, hashOf(id)),
  [rpcTopics.account]: (name, address) => keyTopic(name, `a${unwrap(accountIdOf(address))}`),
  [rpcTopics.channel]: (name, id) => keyTopic(name, `c${hashOf(id)}`),
  [rpcTopics.receiver]: (name, address) => receiverTopic(name, unwrap(accountIdOf(address))),
};

/** The topic of a name. Throws AppError BAD_REQUEST or ADDRESS_INVALID. */
export function topicOf(name: string): Topic {
  const colon = name.indexOf(':');
  const kind = colon < 0 ? name : name.slice(0, colon);
  const table = colon < 0 ? plainTopics : namedTopics;
  const make = Object.hasOwn(table, kind) ? table[kind] : undefined;
  if (make) return make(name, name.slice(colon + 1));
  throw new AppError('BAD_REQUEST', { reason: `topic: ${name.slice(0, 40)} is not known` });
}

/** The position of a cursor. Throws AppError BAD_REQUEST, NOT_FOUND for blocks that are not here. */
export function positionOf(cursor: string, source: TopicSource): Position {
  const match = /^(\d{1,15})\.(\d{1,10})$/.exec(cursor);
  if (!match) throw new AppError('BAD_REQUEST', { reason: 'cursor: expected height.index' });
  const position = { height: Number(match[1]), index: Number(match[2]) };
  if (position.height > source.headHeight() + 1) {
    throw new AppError('BAD_REQUEST', { reason: 'cursor: it is ahead of this chain' });
  }
  const first = source.firstHeight();
  if (position.height < first) {
    throw new AppError('NOT_FOUND', {
      what: `cursor: blocks are here from ${first} on; an older one`,
    });
  }
  return position;
}

/** Text of a position. */
export function cursorOf({ height, index }: Position): string {
  return `${height}.${index}`;
}

function hashOf(text: string): Hex {
  if (hashPattern.test(text)) return text;
  throw new AppError('BAD_REQUEST', { reason: 'topic: expected 64 lower-case hex digits' });
}

const afterHead = (source: TopicSource): Position => ({
  height: source.headHeight() + 1,
  index: 0,
});

/** Heights from a position on, each with the first index that counts. */
function* heightsFrom(from: Position, toHeight: number): Generator<Position> {
  for (let height = from.height; height <= toHeight; height += 1) {
    yield { height, index: height === from.height ? from.index : 0 };
  }
}

function blocksTopic(name: string): Topic {
  return {
    name,
    stride: stateStride,
    start: afterHead,
    *items(source, from, toHeight) {
      for (const { height, index } of heightsFrom(from, toHeight)) {
        if (index === 0) yield { next: { height, index: 1 }, json: source.blockJson(height) };
      }
    },
  };
}

function transactionsTopic(name: string): Topic {
  return {
    name,
    stride: 1,
    start: afterHead,
    *items(source, from, toHeight) {
      for (const { height, index: first } of heightsFrom(from, toHeight)) {
        for (let index = first; index < source.txCount(height); index += 1) {
          yield { next: { height, index: index + 1 }, json: source.statusJson(height, index) };
        }
      }
    },
  };
}

/** One transaction; when it is final already it is sent at once. */
function txTopic(name: string, txId: Hex): Topic {
  return {
    name,
    stride: Number.MAX_SAFE_INTEGER,
    start: (source) => source.placeOf(txId) ?? afterHead(source),
    items(source, from, toHeight) {
      const place = source.placeOf(txId);
      if (!place || place.height > toHeight) return [];
      const isSent =
        place.height < from.height || (place.height === from.height && place.index < from.index);
      if (isSent) return [];
      const next = { height: place.height, index: place.index + 1 };
      return [{ next, json: source.statusJson(place.height, place.index) }];
    },
  };
}

/** Present state of one entry. */
function keyTopic(name: string, key: StateKey): Topic {
  return stateTopic(name, (source, height) => {
    const index = source.touchedIndex(height, key);
    return index === undefined ? [] : [[index, key]];
  });
}

/** Present state of every channel that pays an account. */
function receiverTopic(name: string, receiver: Hex): Topic {
  return stateTopic(name, (source, height) =>
    [...source.touched(height).entries()].filter(([, key]) => {
      const { kind, id } = partsOfKey(key);
      return kind === 'channel' && source.receiverOf(id) === receiver;
    }),
  );
}

/** Present state of every mandate. */
function mandatesTopic(name: string): Topic {
  return stateTopic(name, (source, height) =>
    [...source.touched(height).entries()].filter(([, key]) => partsOfKey(key).kind === 'mandate'),
  );
}

function stateTopic(
  name: string,
  touchedBy: (source: TopicSource, height: number) => readonly (readonly [number, StateKey])[],
): Topic {
  return {
    name,
    stride: stateStride,
    start: afterHead,
    *items(source, from, toHeight) {
      const last = new Map<StateKey, Position>();
      for (const { height, index: first } of heightsFrom(from, toHeight)) {
        for (const [index, key] of touchedBy(source, height)) {
          if (index < first) continue;
          last.delete(key);
          last.set(key, { height, index: index + 1 });
        }
      }
      for (const [key, next] of last) yield { next, json: source.entryJson(key) };
    },
  };
}
