/**
 * The commerce of a simulated ledger: what people send beside transfers and stakes. Everybody looks at the newest final
 * state and does something that makes sense there, mostly; some of it comes from the wrong person, too late, forged
 * or over the limit, and the ledger has to refuse it.
 */
import { auditDeeds } from './audits.ts';
import { moneyDeeds } from './money.ts';
import type { Deed, DeedMaker, Scene } from './scene.ts';
import { workDeeds } from './work.ts';

const governance: DeedMaker = (scene) => {
  const { random } = scene;
  const at = random.below(Math.min(scene.people.length, scene.validators.length));
  const [from, validator] = [scene.people[at], scene.validators[at]];
  if (!from || !validator) return undefined;
  const untilHeight = (Math.floor(scene.now().height / 20) + 2) * 20;
  const [name, value] = random.pick([
    ['feePerRow', '90'],
    ['feePerRow', '110'],
    ['auditVoteMs', '1500'],
    ['unbondingMs', '4000'],
    ['providerBondMin', '90000'],
    ['missedViewsMax', 'nonsense'],
  ] as const);
  return { from, kind: 'param_vote', body: { validator: validator.id, name, value, untilHeight } };
};

/** Only the first validator wants another version, which is too few. */
const upgrade: DeedMaker = (scene) => {
  const [from, validator] = [scene.people[0], scene.validators[0]];
  if (!from || !validator) return undefined;
  const height = (Math.floor(scene.now().height / 1_000) + 2) * 1_000;
  return { from, kind: 'upgrade_signal', body: { validator: validator.id, version: 2, height } };
};

const makers: readonly (readonly DeedMaker[])[] = [
  moneyDeeds,
  moneyDeeds,
  workDeeds,
  workDeeds,
  auditDeeds,
  auditDeeds,
  auditDeeds,
  [governance, governance, upgrade],
];

/** The next deed; undefined when the one that was drawn makes no sense now. */
export function nextDeed(scene: Scene): Deed | undefined {
  return scene.random.pick(scene.random.pick(makers))(scene);
}
