/**
 * The line between a gateway and one provider, with faults made to order. Everything but a paid call passes as it is;
 * a paid call passes line by line, until its fault strikes. What a fault sends is written byte for byte.
 *
 * Tests arm it for the next paid call; a liar of the chaos network chooses anew for each call.
 *
 * The proxy counts the content lines that it handed on, so that an engine can go in step with it: then each side of
 * the line has exactly as many tokens as a fault says. A proxy that is down refuses and cuts everything, as the
 * machine of a killed process does.
 */
import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Bytes of a line that no honest provider sends. */
const oversizedBytes = 2 * 1_048_576;
/** Lines that a provider sends which nobody paid for. */
const unpaidLines = 200;
/** Time in which bytes on loopback have reached the other side: a reset may overtake them. */
const deliveryMs = 20;
const dripMs = 10;

/** What goes wrong before the first byte of the answer. */
export type EarlyFault =
  | 'refuse'
  | 'half-open'
  | 'reset-first'
  | 'html-200'
  | 'empty-200'
  | 'json-200'
  | 'late-502'
  | { readonly status: number; readonly body: string; readonly type?: string };

/** What goes wrong after `after` content lines. `hold` is for whoever wants to do something at this moment. */
export type LateFault =
  | 'reset'
  | 'fin'
  | 'clean-end'
  | 'truncated-line'
  | 'garbage-line'
  | 'html-in-stream'
  | 'oversized-line'
  | 'error-event'
  | 'stall'
  | 'hold'
  | 'only-comments'
  | 'unpaid-tokens'
  | 'forged-receipt'
  | 'huge-count';

/** How a line differs without an end. */
export type ManneredFault = 'byte-by-byte' | 'drip' | 'crlf' | 'noise' | 'altered';

/** A fault of the next paid call; later calls pass. */
export type LineFault =
  | { readonly early: EarlyFault }
  | { readonly late: LateFault; readonly after: number }
  | { readonly manner: ManneredFault };

/** The line of one provider. */
export interface FaultProxy {
  readonly url: string;
  /** Where the provider listens. */
  connect(upstream: string): void;
  /** The next paid call meets this. */
  arm(fault: LineFault): void;
  /** Called with each content line that was handed on. */
  onLine(hook: ((lines: number) => void) | undefined): void;
  /** Resolves when so many content lines of the running call were handed on; rejects on abort. */
  passed(lines: number, signal: AbortSignal): Promise<void>;
  /** Refuses and cuts everything from now on. */
  cut(): void;
  /** Lets everything pass again. */
  mend(): void;
  stop(): Promise<void>;
}

/** What a line does by itself. */
export interface LineHabits {
  /** The fault of a paid call; what is armed comes first. */
  choose?(): LineFault | undefined;
  /** Hears each answer that was handed on whole. */
  keep?(answer: string): void;
}

interface Line extends LineHabits {
  upstream: string;
  fault: LineFault | undefined;
  lines: number;
  isDown: boolean;
  hook: ((lines: number) => void) | undefined;
  readonly waiting: Set<() => void>;
}

const paidPaths = ['/v1/chat/completions', '/v1/payments/resume', '/v1/embeddings'];

/** A line on a port of its own; `connect` says where it leads. */
export async function startFaultProxy(habits: LineHabits = {}): Promise<FaultProxy> {
  const line: Line = {
    ...habits,
    upstream: '',
    fault: undefined,
    lines: 0,
    isDown: false,
    hook: undefined,
    waiting: new Set(),
  };
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    serve(line, request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    if (line.isDown) socket.resetAndDestroy();
  });
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    connect(upstream) {
      line.upstream = upstream;
    },
    arm(fault) {
      line.fault = fault;
      if (!('early' in fault) || fault.early !== 'refuse') return;
      server.close();
      for (const socket of sockets) socket.destroy();
    },
    onLine(hook) {
      line.hook = hook;
    },
    passed: (lines, signal) => passed(line, lines, signal),
    cut() {
      line.isDown = true;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    mend() {
      line.isDown = false;
      line.fault = undefined;
      if (!server.listening) server.listen(port, '127.0.0.1');
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

function passed(line: Line, lines: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (line.lines < lines) return;
      line.waiting.delete(look);
      signal.removeEventListener('abort', leave);
      resolve();
    };
    const leave = (): void => {
      line.waiting.delete(look);
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    line.waiting.add(look);
    if (signal.aborted) leave();
    else look();
  });
}

async function serve(line: Line, request: IncomingMessage, response: ServerResponse) {
  const isPaid = request.method === 'POST' && paidPaths.includes(request.url ?? '');
  const fault = line.fault ?? (isPaid ? line.choose?.() : undefined);
  if (isPaid) {
    line.fault = undefined;
    line.lines = 0;
    if (fault && 'early' in fault && fault.early !== 'late-502') {
      return failEarly(fault.early, request, response);
    }
  }
  const answer = await forward(line, request, response);
  if (isPaid && fault && 'early' in fault) {
    answer.destroy();
    return sendAs(response, 502, '{"error":{"message":"bad gateway"}}');
  }
  response.writeHead(answer.statusCode ?? 502, endToEnd(answer));
  if (!isPaid || answer.statusCode !== 200) return void answer.pipe(response);
  await relay(line, fault, { answer, response });
}

function endToEnd({ headers }: IncomingMessage): Record<string, string | string[]> {
  const { 'transfer-encoding': _, 'content-length': __, connection: ___, ...rest } = headers;
  return rest as Record<string, string | string[]>;
}

/** Sends the request on; the answer's head. */
function forward(
  { upstream }: Line,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<IncomingMessage> {
  const { hostname, port } = new URL(upstream);
  const { method, url: path, headers } = request;
  return new Promise((resolve, reject) => {
    const asking = httpRequest({ hostname, port, method, path, headers, agent: false }, resolve);
    asking.on('error', reject);
    response.on('close', () => asking.destroy());
    request.pipe(asking);
  });
}

async function failEarly(fault: EarlyFault, request: IncomingMessage, response: ServerResponse) {
  if (fault === 'half-open') return; // the request was taken, and nothing will ever come
  if (fault === 'reset-first') return void request.socket.resetAndDestroy();
  request.resume();
  await once(request, 'end');
  if (fault === 'html-200') return sendAs(response, 200, '<html>Welcome</html>');
  if (fault === 'empty-200') return sendAs(response, 200, '');
  if (fault === 'json-200') return sendAs(response, 200, '{"choices":[]}');
  if (typeof fault !== 'object') return;
  response.writeHead(fault.status, { 'content-type': fault.type ?? 'application/json' });
  response.end(fault.body);
}

function sendAs(response: ServerResponse, status: number, body: string): void {
  const type = body.startsWith('<') ? 'text/html' : 'application/json';
  response.writeHead(status, { 'content-type': type });
  response.end(body);
}

interface Relayed {
  readonly answer: IncomingMessage;
  readonly response: ServerResponse;
}

/** Hands lines on until the fault strikes. */
async function relay(line: Line, fault: LineFault | undefined, { answer, response }: Relayed) {
  response.flushHeaders();
  const manner = fault && 'manner' in fault ? fault.manner : undefined;
  const late = fault && 'late' in fault ? fault : undefined;
  answer.on('error', () => response.destroy());
  let lines = 0;
  let heard = '';
  for await (const one of linesOf(answer)) {
    if (line.keep) heard += one;
    await write(response, one, manner);
    if (!isContent(one)) continue;
    lines += 1;
    line.lines = lines;
    line.hook?.(lines);
    if (lines === late?.after) {
      await strikeNow(line, late.late, { last: one.trimEnd(), response });
      answer.destroy();
      return;
    }
    wake(line);
  }
  line.keep?.(heard);
  response.end();
}

/** Lines with their ends; what follows the last end comes as it is. */
async function* linesOf(answer: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  answer.setEncoding('utf8');
  for await (const chunk of answer as AsyncIterable<string>) {
    const whole = (rest + chunk).split('\n');
    rest = whole.pop() ?? '';
    for (const one of whole) yield `${one}\n`;
  }
  if (rest !== '') yield rest;
}

interface Struck {
  readonly last: string;
  readonly response: ServerResponse;
}

async function strikeNow(line: Line, fault: LateFault, { last, response }: Struck): Promise<void> {
  await sleep(deliveryMs);
  if (isSilence(fault)) release(line);
  await strike(fault, last, response);
  if (isSilence(fault) || fault === 'hold') await once(response, 'close');
}

const isSilence = (fault: LateFault): boolean => ['stall', 'only-comments'].includes(fault);

/** The provider does not notice: its engine goes on by itself. */
function release(line: Line): void {
  line.lines = Number.POSITIVE_INFINITY;
  wake(line);
}

function wake({ waiting }: Line): void {
  for (const look of [...waiting]) look();
}

function isContent(line: string): boolean {
  return /"content":"[^"]/.test(line);
}

async function write(response: ServerResponse, text: string, manner: ManneredFault | undefined) {
  if (manner === 'drip') await sleep(dripMs);
  if (manner === 'altered') response.write(text.replace(wordInLine, alteredWord));
  else if (manner === 'crlf') response.write(text.replace('\n', '\r\n'));
  else if (manner === 'noise') response.write(text === '\n' ? '\n: ping\n\nevent: ping\n\n' : text);
  else if (manner !== 'byte-by-byte') response.write(text);
  else for (const byte of Buffer.from(text)) await tick(response, Uint8Array.of(byte));
}

const wordInLine = /("content":")([^" ]+)/;

/** The same letters in another order, so that the text stays as long as it was. */
function alteredWord(_line: string, before: string, word: string): string {
  return `${before}${[...word].reverse().join('')}`;
}

function tick(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    response.write(bytes, () => resolve());
  });
}

const errorEvent = 'data: {"error":{"message":"CUDA error: out of memory","type":"server_error"}}';
const receiptMark = ': aitbc-receipt ';
const countMark = ': aitbc-tokens ';

/** What comes in place of the rest of the answer. */
const inPlace: Partial<Record<LateFault, (last: string) => string>> = {
  'truncated-line': (last) => last.slice(0, last.length >> 1),
  'garbage-line': () => 'data: \u0000\u0007 not json at all\n\n',
  'html-in-stream': () => 'data: <html><body>502 Bad Gateway</body></html>\n\n',
  'oversized-line': () => `data: ${'x'.repeat(oversizedBytes)}`,
  'error-event': () => `${errorEvent}\n\n`,
  'unpaid-tokens': (last) => `${last}\n\n`.repeat(unpaidLines),
  'forged-receipt': () => `${receiptMark}{"payload":{},"signature":"00"}\n\n`,
  'huge-count': (last) => `${countMark}99999\n${last}\n\n`,
};

async function strike(fault: LateFault, last: string, response: ServerResponse): Promise<void> {
  const { socket } = response;
  if (fault === 'stall' || fault === 'hold') return;
  if (fault === 'only-comments') return keepCommenting(response);
  if (fault === 'reset') return void socket?.resetAndDestroy();
  if (fault === 'fin') return void socket?.end();
  response.end(inPlace[fault]?.(last) ?? '');
}

function keepCommenting(response: ServerResponse): void {
  const timer = setInterval(() => response.write(': still here\n\n'), 200);
  response.on('close', () => clearInterval(timer));
}
