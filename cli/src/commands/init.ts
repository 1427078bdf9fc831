/** `aitbc init`: a guided first run. */
import { defineCommand } from '../command/define-command.ts';
import type { Context } from '../context/context.ts';
import type { Style } from '../context/out.ts';
import type { FoundAccount } from '../init/open-account.ts';
import type { NextCommand, Step, StepState } from '../init/types.ts';
import { wordsText } from '../init/words-text.ts';
import { passwordFileOption } from '../wallet/password-option.ts';

const notReadyCode = 7;

const looks: Readonly<Record<StepState, { readonly sign: string; readonly style: Style }>> = {
  done: { sign: '✓', style: 'green' },
  kept: { sign: '·', style: 'dim' },
  waiting: { sign: '!', style: 'yellow' },
  left: { sign: '–', style: 'dim' },
};

export default defineCommand({
  summary: 'Set this machine up, step by step: what you do, which network, an account with coins',
  details:
    'On a terminal it asks; elsewhere give --role and --yes. What is there is kept: a second run changes nothing. The exit code is 7 when something must come first, such as a daemon that is not up yet; run it again then.',
  options: {
    role: {
      flags: '--role <role>',
      help: 'what you do: look around, buy, sell, run nodes',
      choices: ['devnet', 'agent', 'provider', 'operator'],
    },
    network: {
      flags: '--network <which>',
      help: 'a devnet on this machine, or join one: its addresses are the global options',
      choices: ['devnet', 'join'],
    },
    genesis: { flags: '--genesis <file>', help: 'document of the network that you join' },
    label: { flags: '--label <name>', help: 'name of the account (default main)' },
    wordsFile: { flags: '--words-file <path>', help: 'bring the account back from its 24 words' },
    passwordFile: passwordFileOption,
    yes: { flags: '-y, --yes', help: 'ask nothing' },
  },
  examples: [
    { line: 'aitbc init', note: 'asks, and says what to do next' },
    { line: 'aitbc init --role devnet --yes', note: 'just looking; without a question' },
    {
      line: 'aitbc init --role agent --genesis genesis.json --node-url http://10.0.0.7:8006 --coordinator-url http://10.0.0.7:8000 --yes',
      note: 'a buyer on a network of others',
    },
  ],
  async run(context, { options }) {
    const { makePlan } = await import('../init/make-plan.ts');
    const { runSteps } = await import('../init/run-steps.ts');
    const { withAddresses } = await import('../init/with-addresses.ts');
    const { nextCommands } = await import('../init/next-commands.ts');
    const { out, home, configured } = context;
    const plan = await makePlan(context, options);
    const addressed = withAddresses(context, plan);
    const { steps, account } = await runSteps(addressed.context, plan, {
      onStep(step) {
        if (step.state !== 'left') out.line(stepText(context, step));
      },
      onWords: (made) => showWords(context, made, options.yes),
    }).finally(() => addressed.close());
    const next = nextCommands(plan, steps);
    const { role, network } = plan;
    const { address = null, mnemonic = null } = account ?? {};
    const result = { role, network, home, configFile: configured.config.file, steps };
    out.result({ ...result, address, mnemonic, next }, () => nextText(context, next));
    return steps.some(({ state }) => state === 'waiting') ? notReadyCode : 0;
  },
});

function stepText({ out }: Context, { state, text }: Step): string {
  const { sign, style } = looks[state];
  return `${out.style(style, sign)} ${text}`;
}

/** The words on the terminal, and the promise that they are written down. */
async function showWords({ out, ask }: Context, account: FoundAccount, isYes: boolean) {
  if (account.mnemonic === null) return;
  out.line(`\n${wordsText(out, account.mnemonic)}\n`);
  if (!ask.isPossible || isYes) return;
  while (!(await ask.confirm('Have you written them down?'))) {
    out.note('They cannot be shown again.');
  }
}

function nextText({ out }: Context, next: readonly NextCommand[]): string {
  const rows = next.map(({ line, note }) => [`  ${line}`, note]);
  return `\nNext:\n${out.table(rows, { title: (text) => out.style('bold', text) })}`;
}
