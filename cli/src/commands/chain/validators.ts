/** `aitbc chain validators`: who makes the blocks. */
import { aitText } from '../../amounts.ts';
import { percentOf } from '../../chain/stake-text.ts';
import { defineCommand } from '../../command/define-command.ts';
import { wholeNumber } from '../../command/parse-values.ts';

export default defineCommand({
  summary: 'The validators of an epoch, with their stake and state',
  options: {
    epoch: {
      flags: '--epoch <n>',
      help: 'another epoch than the present one',
      parse: wholeNumber,
    },
  },
  examples: [
    { line: 'aitbc chain validators', note: 'who votes now' },
    { line: 'aitbc chain validators --epoch 3', note: 'who voted then' },
  ],
  async run({ out, clients, signal }, { options }) {
    const { node } = await clients();
    const { epoch } = options;
    const input = epoch === undefined ? {} : { epoch };
    const found = await node.rpc.validators_get(input, { signal });
    out.result(found, () => {
      const total = found.validators.reduce((sum, { stake }) => sum + BigInt(stake), 0n);
      const rows = found.validators.map(({ publicKey, stake, state }) => [
        publicKey,
        aitText(stake),
        percentOf(stake, total.toString()),
        stateText(state),
      ]);
      const head = ['validator', 'stake', 'share', 'state'];
      const { firstHeight, lastHeight } = found;
      const title = `Epoch ${found.epoch}: blocks ${firstHeight} to ${lastHeight}.`;
      return `${title}\n\n${out.table(rows, { head, right: [1, 2] })}`;
    });
  },
});

interface State {
  readonly slashed: boolean;
  readonly jailedUntilMs: number;
  readonly leaving: string;
  readonly missedViews: number;
}

function stateText(state: State | null): string {
  if (!state) return '';
  if (state.slashed) return 'convicted';
  if (state.jailedUntilMs > 0)
    return `in jail until ${new Date(state.jailedUntilMs).toISOString()}`;
  if (state.leaving !== '0') return `${aitText(state.leaving)} leaving`;
  return state.missedViews > 0 ? `missed ${state.missedViews} views in a row` : 'votes';
}
