/** `aitbc audit show`: one dispute, from the chain. */
import {
  auditIdArgument,
  auditIdOf,
  disputeFacts,
  seatHead,
  seatRow,
} from '../../audit/audit-text.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'One dispute on chain: who accuses whom, the jurors, their votes',
  arguments: [auditIdArgument],
  examples: [
    {
      line: 'aitbc audit show 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6',
      note: 'where it stands and when it goes on',
    },
  ],
  async run({ out, clients, signal }, { args }) {
    const { node } = await clients();
    const dispute = await node.rpc.audit_get({ auditId: auditIdOf(args.audit) }, { signal });
    out.result(dispute, () => {
      const facts = out.table(disputeFacts(dispute));
      if (dispute.seats.length === 0) return `${facts}\n\nIts jurors are not drawn yet.`;
      return `${facts}\n\n${out.table(dispute.seats.map(seatRow), { head: seatHead })}`;
    });
  },
});
