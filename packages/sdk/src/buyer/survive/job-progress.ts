/**
 * What a job has given so far, whoever gave it: the text cut into pieces exactly as it was receipted, the
 * newest receipt, and the position of the next token. Another provider goes on from here.
 *
 * Positions count output tokens from the job's first. A content line is one token unless its provider says
 * otherwise, so each line has a position; a receipt is the signed word on it, so its `to` corrects the
 * count. Text that no receipt covers is the tail. When its provider is left it becomes a piece like the
 * others, because the next provider's prefix hash commits to it.
 *
 * Not to be continued from: text without a token of its own (no piece may be empty and have text), and what
 * passes the protocol's bounds on pieces and tail. See docs/spec/payments.md, "When a provider fails".
 */
import {
  firstPrefixHash,
  type Hex,
  limits,
  type Network,
  nextPrefixHash,
  type Resume,
  type ResumePiece,
  type SignedReceipt,
  type TokenRange,
  textHashOf,
} from '@aitbc/protocol';
import type { CallTail } from '../../books/store.ts';

/** The answer so far. */
export interface JobProgress {
  /** Position of the next output token. */
  position(): number;
  /** Chains all pieces so far. */
  prefixHash(): Hex;
  /** Text that no receipt covers. */
  tailText(): string;
  /** The range of that text, if it has tokens. */
  tail(): CallTail | null;
  addText(text: string, tokens: number): void;
  /** A receipt that was checked against the tail: the tail is its piece. */
  addReceipt(receipt: SignedReceipt): void;
  /** The provider is left: the tail becomes a piece. */
  closeTail(): void;
  /** Whether another provider can go on from here. To be asked after `closeTail`. */
  canMove(): boolean;
  /** What another provider is shown. */
  resume(): Resume;
}

/** An answer that has not begun. */
export function createProgress(network: Network, bodyDigest: Hex): JobProgress {
  const pieces: ResumePiece[] = [];
  let last: TokenRange | undefined;
  let receipt: SignedReceipt | null = null;
  let text = '';
  let position = 0;

  const prefixHash = (): Hex =>
    last ? nextPrefixHash(network, last) : firstPrefixHash(network, bodyDigest);
  const tail = (): CallTail | null => {
    const from = last?.to ?? 0;
    return position > from ? { from, to: position, textHash: textHashOf(text) } : null;
  };
  const addPiece = (range: TokenRange): void => {
    pieces.push({ text, to: range.to });
    last = range;
    text = '';
    position = range.to;
  };
  return {
    position: () => position,
    prefixHash,
    tailText: () => text,
    tail,
    addText(more, tokens) {
      text += more;
      position += tokens;
    },
    addReceipt(newest) {
      receipt = newest;
      addPiece(newest.payload);
    },
    closeTail() {
      const range = tail();
      if (range) addPiece({ ...range, prefixHash: prefixHash() });
    },
    canMove() {
      const unsigned = position - (receipt?.payload.to ?? 0);
      const fits = pieces.length <= limits.resumePieces && unsigned <= limits.resumeTailTokens;
      return position > 0 && text === '' && fits;
    },
    resume: () => ({ pieces: [...pieces], receipt }),
  };
}
