/** What agents send one another: letters, notices, sealed results; and streams of events that carry them. */
import {
  base64,
  concat,
  createSealOpener,
  createWriter,
  hex,
  sealTo,
  textFromUtf8,
  utf8,
} from '@aitbc/primitives';
import {
  decodeLetter,
  isLetterSigned,
  openLetter,
  readNotice,
  readTaskResult,
  writeLetter,
  writeNotice,
} from '@aitbc/protocol';
import { readEvents } from '@aitbc/sdk';
import { demand, demandSame, isAccepted } from '../check.mjs';
import { mutateBytes } from '../mutate.mjs';
import { bytesTarget, readOrRefused } from './target.mjs';

const nowMs = 1_800_000_000_000;
const none = '00'.repeat(32);

/** All of them. */
export function messageTargets({ network, keys }) {
  return [
    letterTarget({ network, keys }),
    contentTarget({ keys }),
    sealedResultTarget({ keys }),
    noticeTarget({ network, keys }),
    eventsTarget(),
  ];
}

function letterOf({ network, keys }, sequence) {
  return writeLetter(
    network,
    {
      ...{ receiver: hex(keys.publicKey), stream: '07'.repeat(16), sequence, timeMs: nowMs },
      ...{ expiresMs: nowMs + 1_000, previous: none, priorUntilMs: 0, replyTo: none },
      ...{ contentType: 'text/plain', payload: utf8('hello') },
    },
    keys,
  ).bytes;
}

function letterTarget({ network, keys }) {
  const samples = [1, 2].map((sequence) => letterOf({ network, keys }, sequence));
  const opener = createSealOpener(keys);
  return bytesTarget({
    ...{ name: 'decodeLetter', covers: ['decodeLetter', 'openLetter'], samples },
    check(bytes) {
      const letter = decodeLetter(bytes);
      if (letter === undefined) return false;
      const isOurs = samples.some((sample) => Buffer.from(sample).equals(Buffer.from(bytes)));
      demand(isLetterSigned(network, letter) === isOurs, 'a changed letter passes for signed');
      openLetter(letter, opener);
      return true;
    },
  });
}

/** What a sender with a key may seal: anything. */
function contentTarget({ keys }) {
  const inner = createWriter()
    .fixed(keys.publicKey, 32)
    .hex(none, 32)
    .variable(utf8('text/plain'))
    .fixed(utf8('hello'), 5)
    .finish();
  const opener = createSealOpener(keys);
  return bytesTarget({
    ...{ name: 'openLetter', covers: ['openLetter'], samples: [inner] },
    check(bytes) {
      const letter = { sender: hex(keys.publicKey), sealed: sealTo(keys.publicKey, bytes) };
      const content = openLetter(letter, opener);
      if (content === undefined) return false;
      const { contentType, payload, replyTo } = content;
      const again = createWriter().fixed(keys.publicKey, 32).hex(replyTo, 32);
      const written = concat(again.variable(utf8(contentType)).finish(), payload);
      demand(Buffer.from(written).equals(Buffer.from(bytes)), 'a content has two spellings');
      return true;
    },
  });
}

/** A result that is sealed as it should be, around bytes that need not be text or a seed. */
function sealedResultTarget({ keys }) {
  const to = hex(keys.publicKey);
  return {
    ...{ name: 'readTaskResult sealed', covers: ['readTaskResult'] },
    mutate: (random) => mutateBytes(random, [utf8('done'), new Uint8Array(32).fill(9)]),
    check(bytes) {
      const boxOf = (message) => base64(sealTo(keys.publicKey, message));
      const seed = keys.secretKey.slice(0, 32);
      const result = (keyBox, box) =>
        JSON.stringify({ type: 'aitbc-sealed-result-1', keys: [{ to, box: keyBox }], box });
      readTaskResult(result(boxOf(bytes), boxOf(bytes)), [keys]);
      const found = readTaskResult(result(boxOf(seed), boxOf(bytes)), [keys]);
      demand(found.kind === 'sealed', 'it is of another kind');
      if (found.text === undefined) return false;
      demand(textFromUtf8(bytes) === found.text, 'a result is changed');
      return true;
    },
  };
}

function noticeTarget({ network, keys }) {
  const wish = { topic: 'offers/tiny', contentType: 'text/plain', payload: utf8('now') };
  const samples = [writeNotice(network, wish, { keys, nowMs })];
  return bytesTarget({
    ...{ name: 'readNotice', covers: ['readNotice'], samples },
    check(bytes) {
      const verdict = readNotice(network, bytes, nowMs);
      if (!isAccepted(verdict)) return false;
      demand(Buffer.from(samples[0]).equals(Buffer.from(bytes)), 'a changed notice passes');
      return true;
    },
  });
}

/** Server-sent events: the cuts between chunks change nothing, and data of JSON comes as it was written. */
function eventsTarget() {
  const sent = [{ a: 1 }, { text: 'é\u2028\u2029\u0085\u000b' }, 'x'];
  const samples = sent.map((data, at) =>
    utf8(`: hello\nid: ${at}\nevent: task\ndata: ${JSON.stringify(data)}\n\n`),
  );
  const codes = ['ANSWER_INVALID'];
  return {
    ...{ name: 'readEvents', covers: ['readEvents'] },
    mutate: (random) => mutateBytes(random, [concat(...samples), ...samples]),
    async check(bytes) {
      const whole = await eventsOf([bytes], codes);
      const cut = await eventsOf(cutUp(bytes), codes);
      demandSame(cut, whole, 'events depend on where the chunks are cut');
      const at = samples.findIndex((sample) => Buffer.from(sample).equals(Buffer.from(bytes)));
      if (at >= 0)
        demandSame(JSON.parse(whole.at(0)?.data ?? 'null'), sent[at], 'an event is lost');
      return whole.length > 0;
    },
  };
}

async function eventsOf(chunks, codes) {
  const transport = {
    request: async () => ({
      status: 200,
      headers: {},
      body: (async function* () {
        yield* chunks;
      })(),
    }),
  };
  const events = [];
  try {
    for await (const event of readEvents(transport, { url: 'http://a/' })) events.push(event);
  } catch (error) {
    readOrRefused(() => {
      throw error;
    }, codes);
  }
  return events;
}

/** Pieces of one, two, three … bytes. */
export function cutUp(bytes) {
  const chunks = [];
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size % 7) + 1) {
    chunks.push(bytes.subarray(at, at + size));
  }
  return chunks;
}
