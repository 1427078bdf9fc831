/** `aitbc channel withdraw finish`: brings the coins to the vault of the payer. */
import { AppError, asAppError } from '@aitbc/protocol';
import { pause } from '../../../chain/await-final.ts';
import { ownerOptions } from '../../../chain/sign-as-validator.ts';
import { type ChainChannel, dateText } from '../../../channel/channel-text.ts';
import { channelIdArgument, findChannel } from '../../../channel/find-channels.ts';
import { sendForChannel } from '../../../channel/send-as-payer.ts';
import { defineCommand } from '../../../command/define-command.ts';
import type { Context } from '../../../context/context.ts';
import { chooseAccount } from '../../../wallet/choose-account.ts';

const pollMs = 500;
/** Nodes are seconds apart at most, unless one catches up with the chain. */
const triesMax = 60;

export default defineCommand({
  summary: 'Take what is free to the vault of the payer when its date has come; anybody may',
  arguments: [channelIdArgument],
  options: {
    ...ownerOptions,
    wait: { flags: '-w, --wait', help: 'until the date, by the clock of the chain' },
  },
  examples: [
    { line: 'aitbc channel withdraw finish <id>', note: 'refused before the date, which it names' },
    { line: 'aitbc channel withdraw finish <id> --wait --yes', note: 'returns when it is done' },
  ],
  async run(context, { args, options }) {
    const channel = await findChannel(context, args.channel);
    const { channelId } = channel;
    if (options.wait) await awaitDate(context, channel);
    else await assertDue(context, channel);
    const { wallet } = await context.clients();
    const { address: from } = await chooseAccount(context, wallet, options.account);
    const wish = { from, kind: 'withdraw_finalize' as const, body: { channelId } };
    const finish = () => sendForChannel(context, { ...wish, isConfirmed: options.yes });
    const sent = await (options.wait ? untilTaken(finish, context.signal) : finish());
    context.out.result(
      { ...sent, channelId },
      () => `Final in block ${sent.height}. What was free is in the vault of ${channel.payer}.`,
    );
  },
});

/** Says it in dates before the wallet is asked. Throws CHANNEL_WITHDRAW_EARLY. */
async function assertDue({ clients, signal }: Context, { channelId, withdrawDueMs }: ChainChannel) {
  const { timeMs } = await (await clients()).node.rpc.chain_status({}, { signal });
  if (timeMs >= withdrawDueMs) return;
  const [dueAt, now] = [dateText(withdrawDueMs), dateText(timeMs)];
  throw new AppError('CHANNEL_WITHDRAW_EARLY', { channelId, dueAt, now });
}

/** Waits for a block that is not before the date. Throws CHANNEL_WITHDRAW_NONE without one. */
async function awaitDate(context: Context, { channelId, withdrawDueMs }: ChainChannel) {
  if (withdrawDueMs === 0) throw new AppError('CHANNEL_WITHDRAW_NONE', { channelId });
  const { out, signal } = context;
  const { node } = await context.clients();
  const waiting = out.progress(`waiting for ${dateText(withdrawDueMs)}`);
  try {
    while ((await node.rpc.chain_status({}, { signal })).timeMs < withdrawDueMs) {
      await pause(pollMs, signal);
    }
  } finally {
    waiting.done();
  }
}

/** The wallet's node may be behind the one that told the date: for it the date comes a little later. */
async function untilTaken<T>(finish: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await finish();
    } catch (error) {
      if (asAppError(error).code !== 'CHANNEL_WITHDRAW_EARLY' || tries === triesMax) throw error;
      await pause(pollMs, signal);
    }
  }
}
