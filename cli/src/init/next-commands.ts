/** Three commands to go on with: what lacks comes first, then what the role is about. */
import type { InitPlan, NextCommand, Step } from './types.ts';

const nextMax = 3;
const doctor: NextCommand = { line: 'aitbc doctor', note: 'is everything well?' };
const monitor: NextCommand = { line: 'aitbc monitor', note: 'watch the network' };
const up: NextCommand = { line: 'aitbc up', note: 'start the devnet, with coins to spend' };

/** The commands for a plan, after its steps. */
export function nextCommands(plan: InitPlan, steps: readonly Step[]): NextCommand[] {
  const waits = (id: Step['id']) =>
    steps.some((step) => step.id === id && step.state === 'waiting');
  const lacksNetwork = waits('node') || waits('account');
  const first = lacksNetwork ? [plan.network === 'devnet' ? up : doctor] : [];
  const rest = roleCommands(plan).filter(({ line }) => !first.some((one) => one.line === line));
  return [...first, ...rest].slice(0, nextMax);
}

function roleCommands({ role, network }: InitPlan): readonly NextCommand[] {
  const ask: NextCommand = {
    line: 'aitbc ai ask "Why is the sky blue?"',
    note: 'a paid answer, streamed as it is written',
  };
  if (role === 'provider') {
    const engine: NextCommand = {
      line: 'aitbc ai gpus',
      note: 'what this machine can compute with',
    };
    return [{ line: 'aitbc ai serve', note: 'sell, until Ctrl-C' }, engine, monitor];
  }
  if (role === 'operator') {
    const node: NextCommand =
      network === 'devnet'
        ? { line: 'aitbc node init ~/chain --validators 4', note: 'a network of your own' }
        : {
            line: 'aitbc node join ~/node --genesis genesis.json --peer <host:port>',
            note: 'a node that follows the network',
          };
    return [node, { line: 'aitbc coordinator status', note: 'how the market stands' }, monitor];
  }
  const look: NextCommand = { line: 'aitbc market list', note: 'who offers what, for how much' };
  return [ask, look, role === 'devnet' ? monitor : doctor];
}
