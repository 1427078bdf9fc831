/** `aitbc chain vote list`: what is voted on, and what was decided. */

import { percentOf } from '../../../chain/stake-text.ts';
import { defineCommand } from '../../../command/define-command.ts';
import { shortHash } from '../../../wording.ts';

export default defineCommand({
  summary: 'Open votes, changed and armed parameters, the newest upgrade',
  examples: [{ line: 'aitbc chain vote list', note: 'what validators decide now' }],
  async run({ out, clients, signal }) {
    const { node } = await clients();
    const found = await node.rpc.governance_list({}, { signal });
    out.result(found, () => {
      const rows = [
        ...found.proposals.map((one) => [
          one.name,
          one.value,
          `${percentOf(one.votedStake, one.totalStake)} of the stake, until height ${one.untilHeight}`,
          shortHash(one.proposalId),
        ]),
        ...found.armed.map(({ name, value }) => [name, value, 'from the next epoch on', '']),
        ...found.changed.map(({ name, value }) => [name, value, 'in force', '']),
      ];
      const { upgrade } = found;
      if (upgrade) {
        const { next, height } = upgrade;
        const state = height > found.height ? 'decided' : 'in force';
        rows.push(['upgrade', String(next), `${state}, from height ${height}`, '']);
      }
      if (rows.length === 0) return 'Nothing is voted on, and nothing was changed since genesis.';
      const more = found.next === null ? '' : '\nThere are more votes than fit on this page.';
      return `${out.table(rows, { head: ['name', 'value', 'state', 'vote'] })}${more}`;
    });
  },
});
