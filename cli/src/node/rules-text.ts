/** The rules that a chain follows, in words: what holds, what is armed, and whether the node's program knows it. */
import type { nodeRpc, OutputOf } from '@aitbc/protocol';

/** Where a node stands in the rules. */
export type RulesStand = Pick<OutputOf<typeof nodeRpc.consensus_state>, 'height' | 'rules'>;

/** True when an upgrade is armed, or in force, that the program of the node does not know. */
export function needsNewerProgram({ rules: { known, upgrade } }: RulesStand): boolean {
  return upgrade !== null && upgrade.next > known;
}

/** Such as `version 1; upgrade to version 2 at height 900 armed`. */
export function rulesText(stand: RulesStand): string {
  const { height, rules } = stand;
  const { version, known, upgrade } = rules;
  const armed =
    upgrade && upgrade.height > height + 1
      ? `; upgrade to version ${upgrade.next} at height ${upgrade.height} armed`
      : '';
  const lacking = needsNewerProgram(stand) ? `; this program knows version ${known}` : '';
  return `version ${version}${armed}${lacking}`;
}
