/**
 * Readers of streams: what a provider sends a buyer, what an engine sends a provider, what a peer sends a node. Wherever
 * the chunks are cut, the same must come out.
 */
import { concat, utf8 } from '@aitbc/primitives';
import { sseNeedVoucherMark, sseReceiptMark, sseTokensMark } from '@aitbc/protocol';
import { demand, demandSame, isAccepted } from '../check.mjs';
import { mutateBytes } from '../mutate.mjs';
import { cutUp } from './message-targets.mjs';
import { jsonOfSchema } from './target.mjs';

/** All of them. */
export function streamTargets({ receipt }, internals) {
  return [
    answerTarget(receipt, internals),
    lineTarget('createLineReader', internals, 1),
    lineTarget('createEventReader', internals, 2),
    frameTarget(internals),
    ...wireTargets(internals),
  ];
}

function openAiStream() {
  const chunk = (delta, finish = null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  return utf8(
    [
      chunk({ role: 'assistant', content: '' }),
      `${sseTokensMark}3\n${chunk({ content: 'Hello 🦙\u2028' })}`,
      `${sseNeedVoucherMark}{}\n\n`,
      chunk({}, 'stop'),
      'data: {"error":{"code":"ENGINE_CRASHED","message":"x","facts":{"a":1}}}\n\n',
      'data: [DONE]\n\n',
    ].join(''),
  );
}

function answerTarget(receipt, { streamReader }) {
  const line = utf8(`${sseReceiptMark}${JSON.stringify(receipt)}\n\n`);
  const stream = openAiStream();
  const kinds = ['text', 'receipt', 'needVoucher', 'finish', 'error', 'garbage'];
  return {
    ...{ name: 'createStreamReader', covers: ['createStreamReader'] },
    mutate: (random) => mutateBytes(random, [stream, line, concat(stream, line)]),
    check(bytes) {
      const read = (chunks) => {
        const reader = streamReader.createStreamReader();
        return joined(chunks.flatMap((chunk) => reader.feed(chunk)));
      };
      const whole = read([bytes]);
      demand(
        whole.every(({ type }) => kinds.includes(type)),
        'an event of no kind',
      );
      demandSame(read(cutUp(bytes)), whole, 'what is read depends on where the chunks are cut');
      return whole.some(({ type }) => type !== 'garbage');
    },
  };
}

/** Neighbouring texts are one; of errors only the code counts, for their stacks differ. */
function joined(events) {
  const out = [];
  for (const { error, ...event } of events) {
    const last = out.at(-1);
    if (event.type === 'text' && last?.type === 'text') {
      out[out.length - 1] = {
        type: 'text',
        text: last.text + event.text,
        tokens: last.tokens + event.tokens,
      };
    } else out.push(error ? { ...event, code: error.code } : event);
  }
  return out;
}

/** Lines and events of an engine; what cannot be read is a LineError. */
function lineTarget(name, { lineReader }, ends) {
  const samples = [
    utf8('data: {"a":1}\n\n: comment\n\ndata: two\ndata: lines\n\ndata: [DONE]\n\n'),
    utf8('{"message":{"content":"é🦙"},"done":false}\r\n{"done":true}\n'),
    utf8('data: x\r\n\r\nevent: y\ndata: z'),
  ];
  const read = (chunks) => {
    const reader = lineReader[name](200 * ends);
    const texts = [];
    try {
      for (const chunk of chunks) texts.push(...reader.feed(chunk));
      texts.push(...reader.end());
    } catch (error) {
      demand(error instanceof lineReader.LineError, `it throws ${error}`);
      return undefined;
    }
    return texts;
  };
  return {
    ...{ name, covers: [name], mutate: (random) => mutateBytes(random, samples) },
    check(bytes) {
      const whole = read([bytes]);
      demandSame(read(cutUp(bytes)), whole, 'lines depend on where the chunks are cut');
      return whole !== undefined && whole.length > 0;
    },
  };
}

function frameTarget({ frames }) {
  const { createFrameReader, decodeBye, encodeFrame } = frames;
  const samples = [
    concat(encodeFrame('ping', new Uint8Array(8)), encodeFrame('message', new Uint8Array(40))),
    encodeFrame('bye', new Uint8Array([1])),
  ];
  const read = (chunks) => {
    const reader = createFrameReader();
    const found = [];
    for (const chunk of chunks) {
      reader.push(chunk);
      for (let next = reader.next(4_096); next; next = reader.next(4_096)) {
        if (!isAccepted(next)) return [...found, 'refused'];
        const { kind, content } = next.value;
        if (kind === 'bye') demand(typeof decodeBye(content) === 'string', 'a bye without reason');
        found.push([kind, Buffer.from(content).toString('hex')]);
      }
    }
    return found;
  };
  return {
    ...{ name: 'createFrameReader', covers: ['createFrameReader', 'decodeBye'] },
    mutate: (random) => mutateBytes(random, samples),
    check(bytes) {
      const whole = read([bytes]);
      demandSame(read(cutUp(bytes)), whole, 'frames depend on where the chunks are cut');
      return whole.length > 0 && whole.at(-1) !== 'refused';
    },
  };
}

/** Answers of engines, by the schemas that read them. */
function wireTargets({ openaiWire, ollamaWire }) {
  const all = [
    ...Object.entries(openaiWire).map((entry) => ['openai', ...entry]),
    ...Object.entries(ollamaWire).map((entry) => ['ollama', ...entry]),
  ].filter(([, , schema]) => typeof schema?.safeParse === 'function');
  return all.map(([owner, name, schema]) =>
    jsonOfSchema({
      ...{ name: `engine ${owner} ${name}`, covers: [], schema },
      check: (value) => schema.safeParse(value).success,
    }),
  );
}
