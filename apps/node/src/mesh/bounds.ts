import { limits } from '@aitbc/protocol';
import type { MeshBounds } from './types.ts';

const mebibyte = 1_048_576;

/** Bounds of a mesh. */
export const meshBounds: MeshBounds = Object.freeze({
  handshakeMs: 5_000, // three round trips over the worst line, with room
  pingMs: 2_000,
  silenceMs: 10_000, // five pings
  banMs: 60_000,
  probeMs: 1_000, // three round trips over a bad line
  redialMsMin: 100,
  redialMsMax: 10_000,
  queueBytes: limits.meshQueueBytes,
  followers: limits.meshFollowers,
  greeting: 64,
  validatorRate: 128 * mebibyte, // what one core decrypts; a stop for runaways, not a share
  followerRate: 8 * mebibyte,
});
