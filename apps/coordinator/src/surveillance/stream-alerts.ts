/**
 * Server-sent events: alerts as they are stored. A reader that comes back with Last-Event-ID gets what it missed. A slow
 * reader is waited for; nothing gathers here for it.
 */
import type { ServerResponse } from 'node:http';
import { limits } from '@aitbc/protocol';
import type { AlertRows, AlertWish } from '../store/surveillance/alert-rows.ts';
import type { AlertWatch } from './alert-watch.ts';

/** A stream that is asked for. */
export interface AlertStream extends AlertWish {
  /** Alerts with higher numbers. */
  readonly after: number;
  readonly raw: ServerResponse;
  /** Called when the stream is sure to begin. */
  begin(): void;
  /** Aborts when the reader has gone. */
  readonly signal: AbortSignal;
}

const beatMs = 15_000; // shorter than the silence that proxies bear

/** Writes alerts until the reader goes. Throws RATE_LIMITED before the first byte. */
export async function streamAlerts(
  { alerts, watch }: { alerts: Pick<AlertRows, 'page'>; watch: AlertWatch },
  { after, raw, begin, signal, ...wish }: AlertStream,
): Promise<void> {
  let ring = (): void => {};
  let isRung = false;
  const leave = watch.add(() => {
    isRung = true;
    ring();
  });
  const isOver = (): boolean => signal.aborted || watch.isClosed;
  const waitForNews = async (): Promise<void> => {
    if (isRung || isOver()) return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, beatMs);
      ring = () => {
        clearTimeout(timer);
        done();
      };
      signal.addEventListener('abort', ring, { once: true });
    });
    signal.removeEventListener('abort', ring);
  };
  try {
    begin();
    raw.writeHead(200, sseHeaders);
    raw.flushHeaders();
    let last = after;
    while (!isOver()) {
      isRung = false;
      const page = await alerts.page({ ...wish, after: last, limit: limits.pageSize });
      const text = page.map((alert) => eventText(alert.seq, { alert })).join('');
      if (!raw.write(text === '' ? ': waiting\n\n' : text)) await drained(raw);
      last = page.at(-1)?.seq ?? last;
      if (page.length < limits.pageSize) await waitForNews();
    }
  } finally {
    leave();
    raw.end();
  }
}

const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

function eventText(id: number, data: unknown): string {
  return `id: ${id}\nevent: alert\ndata: ${JSON.stringify(data)}\n\n`;
}

function drained(raw: ServerResponse): Promise<void> {
  if (raw.destroyed || raw.closed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      raw.off('drain', done);
      raw.off('close', done);
      resolve();
    };
    raw.on('drain', done);
    raw.on('close', done);
  });
}
