/** What a provider has on its disk: books of channels, the journal of jobs with their receipts. One write is one transaction. */
import type { ChannelRecord, JobRecord, ResumeMark, SavedRecord } from '@aitbc/market';
import type { Acknowledgement, ChannelState, Hex, SignedReceipt } from '@aitbc/protocol';
import type { Disk } from '../../engine/disk.ts';

/** A job as the journal knows it. */
export interface JournalRow {
  readonly job: JobRecord;
  readonly channelId: Hex;
  readonly bodyDigest: Hex;
  readonly resume: ResumeMark | undefined;
}

/** One transaction of the store. */
export interface ProviderWrite {
  readonly channel?: { readonly state: ChannelState; readonly saved: SavedRecord };
  readonly row?: JournalRow;
  readonly receipt?: SignedReceipt;
  /** A job that must not run any more. */
  readonly givenUp?: Pick<Acknowledgement, 'jobId' | 'channelId'>;
}

/** The store of one life: what was written, durable or not. */
export interface ProviderStore {
  readonly channels: ReadonlyMap<
    Hex,
    { readonly state: ChannelState; readonly saved: SavedRecord }
  >;
  readonly rows: ReadonlyMap<Hex, JournalRow>;
  isGivenUp(jobId: Hex, channelId: Hex): boolean;
  receipts(jobId: Hex): readonly SignedReceipt[];
  save(write: ProviderWrite): void;
}

/** The part of a record that is kept. */
export function savedOf(record: ChannelRecord): Required<Pick<ProviderWrite, 'channel'>> {
  const { charged, signedMax, best, channel } = record;
  return { channel: { state: channel, saved: { charged, signedMax, best } } };
}

/** Opens the store of a disk. */
export function openStore(disk: Disk<ProviderWrite>): ProviderStore {
  const channels = new Map<Hex, { readonly state: ChannelState; readonly saved: SavedRecord }>();
  const rows = new Map<Hex, JournalRow>();
  const receipts = new Map<Hex, SignedReceipt[]>();
  const givenUp = new Set<string>();
  const take = ({ channel, row, receipt, givenUp: job }: ProviderWrite): void => {
    if (job) givenUp.add(`${job.jobId} ${job.channelId}`);
    if (channel) channels.set(channel.state.channelId, channel);
    if (row) rows.set(row.job.jobId, row);
    if (!receipt) return;
    const { jobId } = receipt.payload;
    receipts.set(jobId, [...(receipts.get(jobId) ?? []), receipt]);
  };
  for (const record of disk.records) take(record);
  return {
    channels,
    rows,
    isGivenUp: (jobId, channelId) => givenUp.has(`${jobId} ${channelId}`),
    receipts: (jobId) => receipts.get(jobId) ?? [],
    save(write) {
      disk.write(write);
      take(write);
    },
  };
}
