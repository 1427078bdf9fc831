/** `aitbc chain evidence`: validators that were convicted. */
import type { nodeRpc, OutputOf } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { shortAddress, shortHash } from '../../wording.ts';

const pagesMax = 100; // a hundred thousand blocks; the node looks through a thousand for one page

export default defineCommand({
  summary: 'Validators that were convicted of contradicting votes',
  examples: [{ line: 'aitbc chain evidence', note: 'newest first; each row is a transaction' }],
  async run({ out, clients, signal }) {
    const { node } = await clients();
    const evidence: OutputOf<typeof nodeRpc.evidence_list>['evidence'] = [];
    let from: number | null | undefined;
    for (let page = 0; page < pagesMax && from !== null; page += 1) {
      const found = await node.rpc.evidence_list(from === undefined ? {} : { from }, { signal });
      evidence.push(...found.evidence);
      from = found.next;
    }
    out.result({ evidence, next: from ?? null }, () => {
      const rows = evidence.map((row) => [
        row.validator,
        `epoch ${row.epoch}, view ${row.view}`,
        String(row.height),
        shortAddress(row.reporter),
        shortHash(row.txId),
      ]);
      const head = ['validator', 'voted twice in', 'block', 'reported by', 'transaction'];
      const rest = from ? `\nBlocks below ${from + 1} were not looked at.` : '';
      if (rows.length === 0) return `Nobody was convicted.${rest}`;
      return `${out.table(rows, { head, right: [2] })}${rest}`;
    });
  },
});
