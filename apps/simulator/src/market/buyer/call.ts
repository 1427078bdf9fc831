/** A job that is being bought, and a call: its present try at one provider. */
import type { Hex, SignedReceipt } from '@aitbc/protocol';
import type { CallRow, JobProgress, ReceiptChecker } from '@aitbc/sdk/books';
import type { StandingOffer } from '../ground.ts';
import type { AnswerEvent, MarketMessage } from '../messages.ts';
import type { Desk } from './buyer.ts';

/** A job that is being bought. */
export interface Job {
  readonly key: string;
  readonly most: number;
  readonly jobId: Hex;
  readonly bodyDigest: Hex;
  readonly progress: JobProgress;
  /** Endpoints of providers that were asked. */
  readonly asked: Set<number>;
  readonly onDone: ((isWhole: boolean) => void) | undefined;
  /** Position at which its client goes away. */
  readonly leavesAt: number;
  tries: number;
}

/** A call at one provider. */
export interface Call {
  readonly job: Job;
  readonly endpoint: number;
  readonly offer: StandingOffer;
  readonly key: string;
  readonly channelId: Hex;
  readonly conn: number;
  readonly from: number;
  readonly checker: ReceiptChecker;
  readonly receipts: SignedReceipt[];
  /** Events that came before one that is missing. */
  readonly early: Map<number, AnswerEvent>;
  next: number;
  heardMs: number;
  covered: number;
  /** A voucher that is being stored or is under way. */
  topUp: 'none' | 'storing' | 'sent';
  hasAdopted: boolean;
  isTaken: boolean;
}

/** What a client wants; by default a job of some size, and sometimes not to its end. */
export interface Wish {
  readonly most: number;
  readonly onDone: (isWhole: boolean) => void;
}

export interface Calls {
  begin(wish?: Wish): void;
  /** The client of an earlier life asks for the same again. */
  repeat(row: CallRow): void;
  hear(from: number, message: MarketMessage): void;
}

/** The calls of one life, and what their parts share. */
export interface Crew {
  readonly desk: () => Desk;
  readonly open: Map<number, Call>;
  nextConn(): number;
  over(job: Job, isWhole: boolean): void;
}

/** Where a job is asked for next. */
export interface Choice {
  readonly endpoint: number;
  readonly offer: StandingOffer;
  readonly channelId: Hex;
  readonly first: number;
}
