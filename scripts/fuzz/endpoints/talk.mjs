/** Sends the bytes of a case and reads what comes back, by the rules of HTTP/1.1 as far as a case needs them. */
import { connect } from 'node:net';
import { Violation } from '../check.mjs';
import { tokenMark } from './requests.mjs';

const quietMs = 60; // for what need not be answered
const answerMs = 20_000;
const streamMs = 30; // a stream that has begun is left
const keptBytes = 262_144;

/**
 * Sends a case. Gives status, text of the answer (cut at 256 KiB) and its head; status 0 for no answer. Throws a Violation
 * when nobody listens or a whole request is not answered in time.
 */
export function send({ port, token = '' }, bytes) {
  const isWhole = bytes[0] === 1;
  const filled = Buffer.from(
    Buffer.from(bytes.subarray(1))
      .toString('latin1')
      .replaceAll(tokenMark, token)
      .replaceAll('host: localhost\r\n', `host: 127.0.0.1:${port}\r\n`),
    'latin1',
  );
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const parts = [];
    let size = 0;
    let timer;
    const finish = (isCut) => {
      clearTimeout(timer);
      socket.destroy();
      const answer = read(Buffer.concat(parts));
      if (isWhole && isCut && answer.status === 0) reject(new Violation('it is not answered'));
      else resolve(answer);
    };
    const wait = (ms) => {
      clearTimeout(timer);
      timer = setTimeout(() => finish(true), ms);
    };
    wait(answerMs);
    socket.on('error', (error) => {
      if (error.code === 'ECONNREFUSED') reject(new Violation('nobody listens'));
      else finish(false);
    });
    socket.on('close', () => finish(false));
    socket.on('data', (part) => {
      if (size < keptBytes) parts.push(part);
      size += part.length;
      const head = parts[0].toString('latin1', 0, 2_000);
      const isStream = /content-type: (text\/event-stream|application\/x-ndjson)/i.test(head);
      const hasLeft = /^HTTP\/1\.1 101/.test(head);
      if (isStream || hasLeft) wait(streamMs);
      else if (!isWhole) wait(quietMs);
    });
    socket.on('connect', () => {
      socket.write(filled);
      if (!isWhole) wait(quietMs);
    });
  });
}

/** The first answer on a connection. */
function read(bytes) {
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(bytes.toString('latin1', 0, 20))?.[1] ?? 0);
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return { status, head: bytes.toString('latin1'), text: '' };
  const head = bytes.toString('latin1', 0, end);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  const body = bytes.subarray(end + 4, length === undefined ? undefined : end + 4 + Number(length));
  return { status, head, text: body.toString('utf8') };
}
