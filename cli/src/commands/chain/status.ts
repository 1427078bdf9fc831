/** `aitbc chain status`: network, height, validators. */
import { defineCommand } from '../../command/define-command.ts';
import { counted } from '../../wording.ts';

export default defineCommand({
  summary: 'Network, height, newest block, validators',
  examples: [{ line: 'aitbc chain status', note: 'is the chain alive, and which one is it' }],
  async run({ out, clients, signal }) {
    const { node } = await clients();
    const status = await node.rpc.chain_status({}, { signal });
    out.result(status, () =>
      out.table([
        ['network', `${status.network} (${status.caip2})`],
        ['genesis', status.genesisHash],
        ['height', String(status.height)],
        ['epoch', `${status.epoch}, view ${status.view}`],
        ['node', status.syncing ? `${status.role}, catching up` : status.role],
        ['block', status.blockHash],
        ['block time', new Date(status.timeMs).toISOString()],
        ['state root', status.stateRoot],
        ['waiting', counted(status.waitingTxs, 'transaction')],
        ['validators', String(status.validators.length)],
      ]),
    );
  },
});
