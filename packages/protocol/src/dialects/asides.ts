/** How notes travel beside an answer: SSE comments and NDJSON fields. See docs/spec/payments.md. */

/** In SSE streams a receipt travels as a comment line: this mark, then the receipt as one-line JSON. */
export const sseReceiptMark = ': aitbc-receipt ';

/** In SSE streams the provider asks for the next voucher with this comment. */
export const sseNeedVoucherMark = ': aitbc-need-voucher ';

/**
 * In SSE streams this comment stands before a content line that is not exactly one output token: how many it
 * is. Lines without it are one token each, so the buyer knows the position of every line.
 */
export const sseTokensMark = ': aitbc-tokens ';

/** In SSE streams of a gateway: the answer goes on at another provider. */
export const sseMovedMark = ': aitbc-moved ';

/** In NDJSON streams all four travel as extra fields; receipts, needs and moves on a line with empty text. */
export const ndjsonTokensField = 'x_aitbc_tokens';
export const ndjsonReceiptField = 'x_aitbc_receipt';
export const ndjsonNeedVoucherField = 'x_aitbc_need_voucher';
export const ndjsonMovedField = 'x_aitbc_moved';
