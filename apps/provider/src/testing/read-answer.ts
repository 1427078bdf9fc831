/** Reads paid answers in tests: text, receipts and requests for vouchers, from SSE and NDJSON. */
import {
  firstPrefixHash,
  type Hex,
  type Network,
  nextPrefixHash,
  type ReceiptPayload,
  type SignedReceipt,
  sseNeedVoucherMark,
  sseReceiptMark,
  textHashOf,
  unwrap,
  verifyReceipt,
} from '@aitbc/protocol';

/** What a provider has signed for a job, as it shows it to anybody. */
export async function receiptsAt(url: string, jobId: Hex): Promise<SignedReceipt[]> {
  const answer = await fetch(`${url}/v1/payments/receipts/${jobId}`);
  const { receipts } = (await answer.json()) as { receipts?: SignedReceipt[] };
  return receipts ?? [];
}

/** What an SSE text said. */
export interface ReadAnswer {
  readonly text: string;
  readonly receipts: SignedReceipt[];
  readonly needs: { tokens: number; required: string }[];
  readonly isDone: boolean;
  /** Text of each range of tokens that a receipt closes. */
  readonly ranges: string[];
}

export function readSse(raw: string): ReadAnswer {
  const answer = { text: '', receipts: [], needs: [], isDone: false, ranges: [] } as {
    -readonly [K in keyof ReadAnswer]: ReadAnswer[K];
  };
  let range = '';
  for (const line of raw.split('\n')) {
    if (line.startsWith(sseReceiptMark)) {
      answer.receipts.push(JSON.parse(line.slice(sseReceiptMark.length)));
      answer.ranges.push(range);
      range = '';
    } else if (line.startsWith(sseNeedVoucherMark)) {
      answer.needs.push(JSON.parse(line.slice(sseNeedVoucherMark.length)));
    } else if (line === 'data: [DONE]') answer.isDone = true;
    else if (line.startsWith('data: ')) {
      const text = JSON.parse(line.slice(6)).choices?.[0]?.delta?.content ?? '';
      answer.text += text;
      range += text;
    }
  }
  return answer;
}

/** Where receipts begin that follow an answer of another provider. */
export interface FirstRange {
  readonly from: number;
  readonly prefixHash: Hex;
}

/** Checks that receipts are signed, tile from where they begin, and fit the text; gives their payloads. */
export function checkReceipts(
  network: Network,
  { receipts, ranges }: Pick<ReadAnswer, 'receipts' | 'ranges'>,
  begin: Hex | FirstRange,
): ReceiptPayload[] {
  const first =
    typeof begin === 'string' ? { from: 0, prefixHash: firstPrefixHash(network, begin) } : begin;
  let { from, prefixHash } = first;
  return receipts.map((receipt, index) => {
    const payload = unwrap(verifyReceipt(network, receipt, receipt.signer));
    const fits =
      payload.from === from &&
      payload.prefixHash === prefixHash &&
      payload.textHash === textHashOf(ranges[index] ?? '');
    if (!fits) throw new Error(`receipt ${index} does not follow`);
    prefixHash = nextPrefixHash(network, payload);
    from = payload.to;
    return payload;
  });
}
