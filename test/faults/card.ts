/** docs/faults.md, written from a run. */
import type { Seen } from './client.ts';
import type { Row } from './rows.ts';

/** What came of a row. */
export interface Line {
  readonly row: Row;
  readonly isStream: boolean;
  readonly seen: Seen;
  /** nait */
  readonly paid: readonly bigint[];
}

const head = `# Faults

What a client sees, and what is paid, when something breaks. Written by \`test/faults.test.ts\` from a run
(\`AITBC_CARD=write npx vitest run --project network test/faults.test.ts\`), which fails when one cell differs from what
[payments.md](spec/payments.md), "Who pays when it breaks", says.

A real gateway, two real providers (one where it says so), HTTP on loopback between them, the rules of the chain. Each fault
strikes the provider that is asked first, most of them after 10 of 40 tokens, in a window of 16. Each row is played twice: the
client asks for a stream, and for one piece. A token costs 1 nait, the prompt 7, the request 7; a whole
answer 54. The list is our own; the fault that gateways are best known to fail is "the stream ends cleanly, without its last
word": they end their own answer as a clean one.

| Word | Means |
|---|---|
| pass | the same answer as undisturbed, ended well |
| partial | part of it, then an honest error or a broken connection |
| safe | an honest error and no text |
| fail | anything else, above all a short answer that ends like a whole one |

"Paid" is what the chain paid to the first and the second provider; "due" what they should get. Where the *line* breaks and
both sides live, the provider cannot tell that from a client who leaves, so it is due its prompt, and what it sent
within its vouchers; the buyer then pays two prompts. A provider or engine that *fails* is due its tokens alone.

| Where | Fault | Stream | One piece | Due | Paid |
|---|---|---|---|---|---|
`;

/** The page. Throws when a row was not played both ways. */
export function cardOf(rows: readonly Row[], lines: readonly Line[]): string {
  const body = rows.map((row) => lineOf(row, lines)).join('\n');
  const counts = ['pass', 'partial', 'safe', 'fail'].map((word) => {
    const count = lines.filter(({ seen }) => seen.judgement === word).length;
    return `${count} ${word}`;
  });
  return `${head}${body}\n\n${rows.length} faults, ${lines.length} answers: ${counts.join(', ')}.\n`;
}

function lineOf(row: Row, lines: readonly Line[]): string {
  const mine = lines.filter((line) => line.row === row);
  const [stream, piece] = [true, false].map((wish) => mine.find((line) => line.isStream === wish));
  if (!stream || !piece) throw new Error(`the row "${row.fault}" was not played both ways`);
  const sums = (amounts: readonly bigint[]) => amounts.join(' + ');
  const paid = [...new Set([sums(stream.paid), sums(piece.paid)])].join('; ');
  const cells = [stream.seen.judgement, piece.seen.judgement, sums(row.due), paid];
  return `| ${[row.place, row.fault, ...cells].join(' | ')} |`;
}
