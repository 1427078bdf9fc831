/**
 * Questions to peers and their answers. One question of a kind, height and chunk is open for a peer at a time; an
 * answer that nobody waits for is ignored, and a peer that goes away ends its questions.
 */
import { AppError, type Hex, type LightBundle, type MeshMessage } from '@aitbc/protocol';
import type { Question } from './snapshot-server.ts';

const answerMsDefault = 5_000; // a chunk of 2 MB over a line of 4 Mbit/s, nearly

/** Answers of a snapshot server. */
export type Answer = Extract<MeshMessage, { readonly type: 'snapshot' | 'chunk' | 'bundle' }>;
/** What a peer offers. */
export type Offer = Extract<Answer, { readonly type: 'snapshot' }>;

/** Asks peers. All throw AppError TIMEOUT or UNAVAILABLE when there is no answer, CANCELLED. */
export interface Questions {
  snapshotOf(peer: Hex): Promise<Offer>;
  /** Throws NOT_FOUND when the peer does not have it. */
  bundleOf(peer: Hex, height: number): Promise<LightBundle>;
  /** Throws NOT_FOUND when the peer does not have it any more. */
  chunkOf(peer: Hex, height: number, chunk: number): Promise<Uint8Array>;
  onAnswer(peer: Hex, answer: Answer): void;
  onPeerDown(peer: Hex): void;
  /** Ends all open questions. */
  stop(): void;
}

interface Open {
  readonly peer: Hex;
  readonly answers: Promise<Answer>;
  resolve(answer: Answer): void;
  reject(error: AppError): void;
}

/** What questions use. */
export interface QuestionsDeps {
  send(peer: Hex, message: MeshMessage): void;
  /** How long an answer may take. */
  readonly answerMs?: number;
}

/** Questions over a mesh. */
export function createQuestions({ send, answerMs = answerMsDefault }: QuestionsDeps): Questions {
  const open = new Map<string, Open>();
  const ask = (peer: Hex, question: Question): Promise<Answer> => {
    const name = nameOf(peer, question);
    const known = open.get(name);
    if (known) return known.answers;
    const waiting = openQuestion({ peer, answerMs }, () => open.delete(name));
    open.set(name, waiting);
    send(peer, question);
    return waiting.answers;
  };
  const endAll = (isEnded: (one: Open) => boolean, error: () => AppError): void => {
    for (const one of [...open.values()]) if (isEnded(one)) one.reject(error());
  };
  return {
    async snapshotOf(peer) {
      return (await ask(peer, { type: 'wantSnapshot' })) as Offer;
    },
    async bundleOf(peer, height) {
      const { bundles } = (await ask(peer, { type: 'wantBundle', height })) as Bundles;
      if (bundles[0]) return bundles[0];
      throw new AppError('NOT_FOUND', { what: `bundle of block ${height} from ${peer}` });
    },
    async chunkOf(peer, height, chunk) {
      const { bytes } = (await ask(peer, { type: 'wantChunk', height, chunk })) as Chunk;
      if (bytes.length > 0) return bytes;
      throw new AppError('NOT_FOUND', {
        what: `chunk ${chunk} of snapshot ${height} from ${peer}`,
      });
    },
    onAnswer(peer, answer) {
      open.get(nameOf(peer, answer))?.resolve(answer);
    },
    onPeerDown(gone) {
      const what = `the node ${gone}`;
      endAll(
        ({ peer }) => peer === gone,
        () => new AppError('UNAVAILABLE', { what, reason: 'it hung up' }),
      );
    },
    stop() {
      endAll(
        () => true,
        () => new AppError('CANCELLED'),
      );
    },
  };
}

type Bundles = Extract<Answer, { readonly type: 'bundle' }>;
type Chunk = Extract<Answer, { readonly type: 'chunk' }>;

function openQuestion(
  { peer, answerMs }: { readonly peer: Hex; readonly answerMs: number },
  onEnd: () => void,
): Open {
  let resolve: Open['resolve'] = () => {};
  let reject: Open['reject'] = () => {};
  const answers = new Promise<Answer>((onAnswer, onError) => {
    resolve = onAnswer;
    reject = onError;
  });
  const timer = setTimeout(() => {
    const what = `the answer of the node ${peer}`;
    reject(new AppError('TIMEOUT', { what, timeoutMs: answerMs }));
  }, answerMs);
  const end = (): void => {
    clearTimeout(timer);
    onEnd();
  };
  answers.then(end, end);
  return { peer, answers, resolve, reject };
}

const answerTypes = { wantSnapshot: 'snapshot', wantChunk: 'chunk', wantBundle: 'bundle' } as const;

/** The same text for a question and its answer. */
function nameOf(peer: Hex, message: Question | Answer): string {
  const type =
    message.type in answerTypes ? answerTypes[message.type as Question['type']] : message.type;
  if (message.type === 'wantSnapshot' || message.type === 'snapshot') return `${peer}:${type}`;
  const chunk = 'chunk' in message ? message.chunk : 0;
  return `${peer}:${type}:${message.height}:${chunk}`;
}
