import type { MeshMessage } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { createAsks } from './asks.ts';

const wantRange: MeshMessage = { type: 'wantRange', from: 1, to: 64 };
const votes: MeshMessage = { type: 'votes', votes: [] };

describe('questions of peers', () => {
  it('are taken a few in a turn, of each peer for itself', () => {
    const asks = createAsks(() => 0);
    const taken = Array.from({ length: 256 }, () => asks.admits('aa', wantRange));
    expect(taken.filter(Boolean)).toHaveLength(4);
    expect(asks.admits('bb', wantRange)).toBe(true);
    asks.endTurn();
    expect(asks.admits('aa', wantRange)).toBe(true);
  });

  it('are not taken while the last answer waits for the peer; all else is', () => {
    let waitingBytes = 5_000_000;
    const asks = createAsks(() => waitingBytes);
    expect(asks.admits('aa', wantRange)).toBe(false);
    expect(asks.admits('aa', votes)).toBe(true);
    waitingBytes = 0;
    expect(asks.admits('aa', wantRange)).toBe(true);
  });
});
