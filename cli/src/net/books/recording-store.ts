/** A buyer's store in memory that also gives all of its rows, for the audit of the run. */
import { type BuyerStore, type CallRow, type ChannelRow, createMemoryStore } from '@aitbc/sdk';

/** The store and its rows. */
export interface RecordingStore extends BuyerStore {
  channels(): readonly ChannelRow[];
  /** Newest row of every call that was not refused. */
  calls(): readonly CallRow[];
}

/** An empty store. */
export function createRecordingStore(): RecordingStore {
  const store = createMemoryStore();
  const channels = new Map<string, ChannelRow>();
  const calls = new Map<string, CallRow>();
  return {
    ...store,
    save(change, time) {
      const { channel, call } = change;
      if (channel) channels.set(channel.channelId, channel);
      if (call?.status === 'refused') calls.delete(call.jobId + call.channelId);
      else if (call) calls.set(call.jobId + call.channelId, call);
      return store.save(change, time);
    },
    channels: () => [...channels.values()],
    calls: () => [...calls.values()],
  };
}
