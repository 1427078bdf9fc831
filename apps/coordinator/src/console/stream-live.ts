/** The live stream of one viewer, as server-sent events: `blocks` and `market`, each a list. */
import type { ServerResponse } from 'node:http';
import { AppError, limits } from '@aitbc/protocol';
import type { LiveCursor, LiveFeed, LiveNews } from './live-feed.ts';

/** Where a stream is written to. */
export interface LiveTarget {
  readonly raw: ServerResponse;
  /** `Last-Event-ID` of a viewer that comes back. */
  readonly lastId: string | undefined;
  /** Called when the stream is sure to begin. */
  begin(): void;
}

/** All viewers of a feed. */
export interface LiveStreams {
  /** Serves one more. Throws RATE_LIMITED. */
  open(target: LiveTarget): void;
  /** Ends all of them. */
  close(): void;
}

const beatMs = 15_000; // shorter than the silence that proxies bear
const retryMs = 1_000;
const retryAfterSeconds = 5;

/** No viewers yet. */
export function createLiveStreams(feed: Pick<LiveFeed, 'since' | 'follow'>): LiveStreams {
  const open = new Set<ServerResponse>();
  return {
    open({ raw, lastId, begin }) {
      if (open.size >= limits.liveViewers)
        throw new AppError('RATE_LIMITED', { retryAfterSeconds });
      begin();
      open.add(raw);
      raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      // A viewer that reads too slowly is let go of; it comes back with the id of what it saw last.
      const write = (text: string): void => {
        if (raw.writableLength > limits.socketBacklogBytes) raw.destroy();
        else raw.write(text);
      };
      write(`retry: ${retryMs}\n\n`);
      write(newsText(feed.since(cursorOf(lastId))));
      const unfollow = feed.follow((news) => write(newsText(news)));
      const beat = setInterval(() => write(': here\n\n'), beatMs);
      raw.once('close', () => {
        clearInterval(beat);
        unfollow();
        open.delete(raw);
      });
    },
    close() {
      for (const raw of open) raw.end();
    },
  };
}

function cursorOf(lastId = ''): LiveCursor | undefined {
  const [, height, seq] = /^(\d{1,15})-(\d{1,16})$/.exec(lastId) ?? [];
  return height === undefined ? undefined : { height: Number(height), seq: Number(seq) };
}

/** The id stands at the last event only, so that a viewer cut off in between gets both again. */
function newsText({ blocks, events, cursor }: LiveNews): string {
  const market = events.length > 0 ? `event: market\ndata: ${JSON.stringify(events)}\n\n` : '';
  const id = `id: ${cursor.height}-${cursor.seq}\n`;
  return `${market}${id}event: blocks\ndata: ${JSON.stringify(blocks)}\n\n`;
}
