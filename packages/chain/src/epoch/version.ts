/**
 * Version of the rules. A program that does not know the version of a block refuses to make or check it,
 * and so stops before it instead of computing another state. See docs/spec/chain.md, "Upgrades".
 */
import { refuse, type Verdict, zeroHash } from '@aitbc/protocol';
import type { UpgradeState } from '../entries.ts';
import { decodeEntry, keyOf } from '../entries.ts';
import type { StateReader } from '../state.ts';

/** Newest version of the rules that this program knows. */
export const protocolVersion = 1;

const firstVersion = 1;
const upgradeKey = keyOf('upgrade', zeroHash);

/** The newest upgrade that validators decided on, past or to come. */
export function upgradeAt(reader: StateReader): UpgradeState | undefined {
  const bytes = reader.get(upgradeKey);
  return bytes && decodeEntry('upgrade', zeroHash, bytes);
}

/** Version of the rules at a height, by what is decided in this state. */
export function versionAt(reader: StateReader, height: number): number {
  const upgrade = upgradeAt(reader);
  if (!upgrade) return firstVersion;
  return height >= upgrade.height ? upgrade.next : upgrade.present;
}

/** Refusal: CHAIN_UPGRADE_NEEDED when this program does not know the version of a height. */
export function checkVersion(reader: StateReader, height: number): Verdict<true> {
  const version = versionAt(reader, height);
  if (version <= protocolVersion) return { ok: true, value: true };
  return refuse('CHAIN_UPGRADE_NEEDED', { height, version, known: protocolVersion });
}
