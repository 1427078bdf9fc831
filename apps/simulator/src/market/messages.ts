/** What the parties of a market run say to each other and to the node. */
import type { MandateState } from '@aitbc/chain';
import type { CorrectiveState, StartVoucher } from '@aitbc/market';
import type {
  Acknowledgement,
  ChannelState,
  ErrorCode,
  Hex,
  Outcome,
  Resume,
  SignedReceipt,
  SignedTx,
} from '@aitbc/protocol';

/** What a node tells a party: its channels and mandates that changed, or all of them. */
export interface ChainNews {
  readonly type: 'news';
  readonly height: number;
  readonly timeMs: number;
  readonly isWhole: boolean;
  /** When the party asked for it, by its own clock; absent when nobody did. */
  readonly askedMs?: number;
  readonly channels: readonly ChannelState[];
  readonly mandates: readonly MandateState[];
  readonly vault: bigint;
}

/** One event of an answer. */
export type AnswerEvent =
  | { readonly type: 'text'; readonly text: string; readonly tokens: number }
  | { readonly type: 'receipt'; readonly receipt: SignedReceipt }
  | { readonly type: 'need'; readonly tokens: number }
  | { readonly type: 'end'; readonly outcome: Outcome };

/** A paid call. */
export interface StartCall {
  readonly type: 'start';
  /** The connection: answers name it. */
  readonly conn: number;
  /** Time of the world, us: a request dies with its connection. */
  readonly sentUs: number;
  readonly key: string;
  readonly tokens: number;
  readonly voucher: StartVoucher;
  readonly resume: Resume | undefined;
}

export interface TopUpCall {
  readonly type: 'voucher';
  readonly conn: number;
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly tokens: number;
  readonly maxClaimable: bigint;
  readonly signature: Hex;
}

export interface AckCall {
  readonly type: 'acknowledge';
  readonly ack: Acknowledgement;
  readonly signature: Hex;
}

export type MarketMessage =
  | { readonly type: 'tx'; readonly tx: SignedTx }
  | { readonly type: 'ask'; readonly askedMs: number }
  | ChainNews
  | StartCall
  | TopUpCall
  | AckCall
  | { readonly type: 'leave'; readonly conn: number }
  | {
      readonly type: 'stream';
      readonly conn: number;
      readonly seq: number;
      readonly event: AnswerEvent;
    }
  | { readonly type: 'taken'; readonly conn: number; readonly tokens: number }
  | {
      readonly type: 'refused';
      readonly conn: number;
      readonly of: 'start' | 'voucher';
      readonly code: ErrorCode;
      readonly corrective: CorrectiveState | undefined;
      readonly needed: bigint;
    }
  | { readonly type: 'receipts'; readonly jobId: Hex }
  | {
      readonly type: 'receiptsOf';
      readonly jobId: Hex;
      /** The answer to an acknowledgement. */
      readonly isAck: boolean;
      /** The job never ran and never will. */
      readonly isGivenUp: boolean;
      /** Undefined when the provider never heard of the job. */
      readonly receipts: readonly SignedReceipt[] | undefined;
    };

/** A small number that tells messages apart in the hash of a trace. */
export function tagOfMessage(message: MarketMessage): number {
  const { type } = message;
  const more = type === 'stream' ? message.seq : type === 'news' ? message.height : 0;
  return (type.charCodeAt(0) << 20) ^ (type.length << 16) ^ more;
}

/** A message in a few words. */
export function textOfMessage(message: MarketMessage): string {
  return JSON.stringify(message, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}`;
    if (value instanceof Uint8Array) return `${value.length} bytes`;
    return typeof value === 'string' && value.length > 24 ? value.slice(0, 8) : value;
  });
}
