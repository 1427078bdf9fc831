/**
 * The bugs that can be planted (`--plant NAME`): a short piece of one compiled module and what stands in its
 * place. Each is a mistake that somebody could make; the run must find it.
 */
import { copiesOf, type ProgramName } from '../../devnet/daemon-name.ts';
import type { AgentRole, Plan, ProviderRole, ValidatorRole } from '../contract.ts';

/** Whether the wrong code is reached in a run, and somebody is there who makes use of it. */
type Provocation = (plan: Plan) => boolean;

const always: Provocation = () => true;
const hasAgent =
  (role: AgentRole): Provocation =>
  ({ agents }) =>
    agents.includes(role);
const hasProvider =
  (...roles: readonly ProviderRole[]): Provocation =>
  ({ providers }) =>
    providers.some(({ role }) => roles.includes(role));
const hasValidator =
  (role: ValidatorRole): Provocation =>
  ({ validators }) =>
    validators.includes(role);

/** Buyers meet the cheat all the time. */
const isCheatMet: Provocation = ({ providers, faults }) => {
  const cheat = providers.findIndex(({ role }) => role === 'otherModel');
  const name = copiesOf('provider', providers.length)[cheat];
  return name !== undefined && !faults.some(({ target }) => target.includes(name));
};

/** Time in which each half of the validators makes a block of its own, also on a busy machine: nearly the longest of all cuts. */
const halvedMs = 5_900;

/** Half of the validators are cut off from the other half, and all of them vote. */
const isHalved: Provocation = ({ validators, faults }) =>
  validators.every((role) => role === 'honest') &&
  faults.some(
    ({ kind, target, forMs }) =>
      kind === 'partition' &&
      forMs >= halvedMs &&
      target[0]?.startsWith('node') &&
      target.length * 2 === validators.length,
  );

/** A bug. */
export interface Plant {
  readonly name: string;
  /** What goes wrong, in one sentence. */
  readonly about: string;
  /** Daemons that get it. */
  readonly program: ProgramName;
  /** End of the path of the compiled module. */
  readonly module: string;
  /** Must stand in the module exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Plans whose runs must find it. */
  readonly isProvoked: Provocation;
  /** Rows of the final table that are about it: one of them must be broken. */
  readonly seenIn: readonly string[];
}

const providerBugs: readonly Plant[] = [
  {
    name: 'unsigned-voucher',
    about: 'the provider checks who signed a voucher only until the channel has been charged once',
    program: 'provider',
    module: '/market/dist/admission/admit-job.js',
    find: 'if (forged)',
    replace: 'if (forged && record.charged === 0n)', // else the daemon's own test would refuse to start
    isProvoked: hasAgent('freeloader'),
    seenIn: ['nothing runs unpaid', 'crimes do not pay'],
  },
  {
    name: 'runs-ahead',
    about: 'the provider runs 64 tokens more than are signed',
    program: 'provider',
    module: '/market/dist/admission/admit-job.js',
    find: 'tokensCovered: voucher.tokens,',
    replace: 'tokensCovered: voucher.tokens + 64,',
    isProvoked: hasAgent('underpayer'),
    seenIn: ['charges follow the rule', 'crimes do not pay', 'no token is paid twice'],
  },
  {
    name: 'prompt-forgets',
    about: 'a provider that goes on with an answer forgets what was there before',
    program: 'provider',
    module: '/provider/dist/jobs/run-job.js',
    find: '...(resume?.text ? { prefixText: resume.text } : {}),',
    replace: '',
    isProvoked: hasProvider('stopsMidStream', 'garbage', 'stalls'),
    seenIn: ['answers are right', 'errors are honest'],
  },
  {
    name: 'prompt-bound',
    about: 'the provider charges the longest that the prompt could be, not its tokens',
    program: 'provider',
    module: '/market/dist/admission/meter-job.js',
    find: 'return Math.min(Math.max(job.promptTokens, promptTokens), job.promptBound);',
    replace: 'return job.promptBound;',
    isProvoked: always,
    seenIn: ['prompts are counted'],
  },
  {
    name: 'claims-all',
    about: 'the provider claims all that was signed, not what was charged',
    program: 'provider',
    module: '/market/dist/admission/channel-record.js',
    find: 'const totalClaimed = charged < best.maxClaimable ? charged : best.maxClaimable;',
    replace: 'const totalClaimed = best.maxClaimable;',
    isProvoked: always,
    seenIn: ['charged exactly once', 'both books agree'],
  },
];

const chainBugs: readonly Plant[] = [
  {
    name: 'claim-adds',
    about: 'a claim pays the whole sum again, not what it was raised by',
    program: 'node',
    module: '/chain/dist/rules/claim.js',
    find: 'const due = row.totalClaimed - channel.totalClaimed;',
    replace: 'const due = row.totalClaimed;',
    isProvoked: always,
    seenIn: ['supply', 'no stuck coin'],
  },
  {
    name: 'claim-beyond-cap',
    about: 'a claim may be higher than its voucher',
    program: 'node',
    module: '/chain/dist/rules/claim.js',
    find: 'if (totalClaimed > maxClaimable)',
    replace: 'if (false)',
    isProvoked: hasProvider('claimsEarly'),
    seenIn: ['no claim beyond its voucher', 'claims within vouchers'],
  },
  {
    name: 'mandate-limit',
    about: 'a sub-key may spend more than its mandate allows',
    program: 'node',
    module: '/chain/dist/rules/mandates.js',
    find: 'if (!short)',
    replace: 'if (true)',
    isProvoked: hasAgent('thief'),
    seenIn: ['crimes do not pay', 'thefts stay within the mandate'],
  },
  {
    name: 'mandate-revoked',
    about: 'a sub-key goes on spending when its mandate is revoked',
    program: 'node',
    module: '/chain/dist/rules/mandates.js',
    find: "if (revoked)\n        return refuse('MANDATE_REVOKED', facts);",
    replace: '',
    isProvoked: hasAgent('thief'),
    seenIn: ['revocations hold', 'crimes do not pay'],
  },
  {
    name: 'exit-shut',
    about: 'a withdrawal from a channel never becomes due',
    program: 'node',
    module: '/chain/dist/rules/channel.js',
    find: 'if (context.timeMs < dueAt) {',
    replace: 'if (true) {',
    isProvoked: hasAgent('doubleSpender'),
    seenIn: ['withdrawals come back'],
  },
  {
    name: 'task-keeps',
    about: 'a task that nobody delivered pays its worker',
    program: 'node',
    module: '/chain/dist/rules/tasks.js',
    find: "share: state === 'submitted' ? reward : 0n",
    replace: 'share: reward',
    isProvoked: hasAgent('taskGiver'),
    seenIn: ['tasks end'],
  },
  {
    name: 'verdict-inverted',
    about: 'who is found guilty is acquitted, and who is acquitted is found guilty',
    program: 'node',
    module: '/chain/dist/rules/audits/verdicts.js',
    find: 'const { guilty, acquitted } = sidesOf(seats);',
    replace: 'const { guilty: acquitted, acquitted: guilty } = sidesOf(seats);',
    isProvoked: isCheatMet,
    seenIn: ['audit verdicts are right', 'no innocent is punished', 'cheats lose bond'],
  },
  {
    name: 'half-quorum',
    about: 'a third of the stake and a little more makes a block final',
    program: 'node',
    module: '/protocol/dist/blocks.js',
    find: 'return (total * 2n) / 3n + 1n;',
    replace: 'return total / 3n + 1n;',
    isProvoked: isHalved,
    seenIn: ['one chain', 'finality', 'nothing lost'],
  },
  {
    name: 'no-accuser',
    about: 'nobody brings two votes of one view before the chain',
    program: 'node',
    module: '/node/dist/chain/evidence-sender.js',
    find: 'void admission.admit(bytes)',
    replace: 'void Promise.resolve({ ok: true })',
    isProvoked: hasValidator('equivocator'),
    seenIn: ['validators judged'],
  },
  {
    name: 'slash-keeps',
    about: 'the part of a slashed stake that goes to the accuser is burned too',
    program: 'node',
    module: '/chain/dist/rules/evidence.js',
    find: 'burn(overlay, slashed.loss - reward);',
    replace: 'burn(overlay, slashed.loss);',
    isProvoked: hasValidator('equivocator'),
    seenIn: ['supply', 'no stuck coin'],
  },
];

const buyerBugs: readonly Plant[] = [
  {
    name: 'gateway-forgets',
    about: 'the gateway signs without writing down what it signed',
    program: 'gateway',
    module: '/gateway/dist/store.js',
    find: 'save: group.add,',
    replace: 'save: () => undefined,',
    isProvoked: always,
    seenIn: ['gateways remember', 'gateways know their channels'],
  },
  {
    name: 'receipt-text',
    about: 'the gateway does not compare receipts with the text that arrived',
    program: 'gateway',
    module: '/sdk/dist/buyer/pay/check-receipts.js',
    find: 'if (!arrived)',
    replace: 'if (true)',
    isProvoked: hasProvider('replays'),
    seenIn: ['receipts match the text', 'answers are right'],
  },
];

/** All of them. */
export const plants: readonly Plant[] = [...providerBugs, ...chainBugs, ...buyerBugs];
