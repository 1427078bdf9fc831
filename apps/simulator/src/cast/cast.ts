/** The cast: every role by its name. */
import type { MakeRole } from './role.ts';
import { flooder, forger, historian, hoarder, outdated } from './sending-roles.ts';
import {
  conflicter,
  doubleEnder,
  equivocator,
  forker,
  lateLeader,
  mute,
  nuller,
  silentLeader,
  withholder,
  wrongRoot,
} from './voting-roles.ts';

const makers: Readonly<Record<string, MakeRole>> = {
  conflicter,
  equivocator,
  nuller,
  doubleEnder,
  silentLeader,
  mute,
  lateLeader,
  withholder,
  wrongRoot,
  forker,
  hoarder,
  forger,
  outdated,
  flooder,
  historian,
};

/** A validator whose key runs on two machines; made of two endpoints, not of a changed one. */
export const twinsRole = 'twins';

/** Names of all roles. */
export const roleNames: readonly string[] = [...Object.keys(makers), twinsRole];

/** The maker of a role; undefined for `twins` and for no role. */
export function roleMaker(name: string): MakeRole | undefined {
  return makers[name];
}
