/** `aitbc chain bundle`: what a light client needs of a block. */
import { AppError } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { counted } from '../../wording.ts';

export default defineCommand({
  summary: 'Header, certificate and validators of a block: proof that it is final',
  arguments: [{ name: 'height', help: 'the newest when left out', required: false }],
  examples: [
    { line: 'aitbc chain bundle --json', note: 'the newest block, for another program to check' },
    { line: 'aitbc chain bundle 12', note: 'the block at height 12' },
  ],
  async run({ out, clients, signal }, { args }) {
    const { node } = await clients();
    const input = args.height === undefined ? {} : { height: heightOf(args.height) };
    const bundle = await node.rpc.chain_getLightBundle(input, { signal });
    out.result(bundle, () => {
      const { header, certificate, validators } = bundle;
      return out.table([
        ['height', `${header.height} (epoch ${header.epoch}, view ${header.view})`],
        ['hash', certificate.blockHash],
        ['state root', header.stateRoot],
        ['signed by', `${certificate.votes.length} of ${counted(validators.length, 'validator')}`],
      ]);
    });
  },
});

function heightOf(text: string): number {
  const height = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(height)) return height;
  throw new AppError('CLI_USAGE', { reason: `"${text.slice(0, 80)}" is no height.` });
}
