/** `aitbc chain audit`: counts every coin. */
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';

const problemsExitCode = 1;

export default defineCommand({
  summary: 'Count every coin: who owns it, or when it is released and to whom',
  details:
    'The exit code is 1 when the count finds a coin that is stuck, missing or made of nothing.',
  examples: [{ line: 'aitbc chain audit', note: 'walks the whole state of the node' }],
  async run({ out, clients, signal }) {
    const { node } = await clients();
    const audit = await node.rpc.state_audit({}, { signal });
    const { problems } = audit;
    out.result(audit, () => {
      const facts = out.table(
        [
          ['balances', aitText(audit.balances)],
          ['vaults', aitText(audit.vaults)],
          ['channels', aitText(audit.channels)],
          ['bonds', aitText(audit.bonds)],
          ['stakes', aitText(audit.stakes)],
          ['tasks', aitText(audit.tasks)],
          ['audits', aitText(audit.audits)],
          ['together', aitText(audit.supply)],
          ['burned', aitText(audit.burned)],
          ['at genesis', aitText(audit.genesisSupply)],
        ],
        { right: [1] },
      );
      const verdict =
        problems.length === 0
          ? out.style('green', `Every coin is accounted for at height ${audit.height}.`)
          : out.style('red', problems.map((problem) => `problem: ${problem}`).join('\n'));
      return `${facts}\n\n${verdict}`;
    });
    return problems.length === 0 ? 0 : problemsExitCode;
  },
});
