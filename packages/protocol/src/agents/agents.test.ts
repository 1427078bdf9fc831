import { hex, keyPairFromSeed } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.ts';
import { addressOf } from '../fields.ts';
import { limits } from '../limits.ts';
import {
  type AgentCard,
  agentCardHash,
  agentExtensionUri,
  makeAgentCard,
  readAgentCard,
  skillWordsOf,
} from './agent-card.ts';
import {
  makeTaskResult,
  makeTaskSpec,
  readTaskResult,
  readTaskSpec,
  taskDocumentHash,
} from './task-documents.ts';
import { type ChainTask, taskAfter, taskExit, taskMoves } from './task-exits.ts';

const address = addressOf('11'.repeat(32));
const terms = {
  ...{ address, name: 'Ada', description: 'Finds names.', url: 'http://127.0.0.1:8000/a' },
  skills: [{ id: 'Names', name: 'Names', description: 'Finds them.', tags: ['Words', 'names'] }],
};

describe('an agent card', () => {
  const card = makeAgentCard({ ...terms, messageKey: '22'.repeat(32) });

  it('has the fields that A2A 1.0 asks for, and says whose it is', () => {
    expect(card).toMatchObject({
      ...{ name: 'Ada', version: '1', defaultInputModes: ['text/plain'] },
      supportedInterfaces: [{ url: terms.url, protocolBinding: 'AITBC', protocolVersion: '1.0' }],
      capabilities: { extensions: [{ uri: agentExtensionUri, required: false }] },
      defaultOutputModes: ['text/plain'],
    });
    const read = readAgentCard(JSON.parse(JSON.stringify(card)));
    expect(read).toMatchObject({
      ok: true,
      value: {
        card,
        facts: { address, messageKey: '22'.repeat(32) },
        cardHash: agentCardHash(card),
      },
    });
    expect(skillWordsOf(card)).toEqual(['names', 'words']);
  });

  it('has a hash that does not depend on the order of its fields, and changes with each of them', () => {
    const turned = Object.fromEntries(Object.entries(card).reverse()) as AgentCard;
    expect(agentCardHash(turned)).toBe(agentCardHash(card));
    const later = { ...card, addedLater: { by: ['A2A'] } };
    expect(readAgentCard(later)).toMatchObject({ ok: true, value: { card: later } });
    const others = [later, { ...card, name: 'Eve' }, { ...card, skills: [] }];
    const hashes = new Set([card, ...others].map(agentCardHash));
    expect(hashes.size).toBe(4);
  });

  it.each([
    ['no object', 'text'],
    ['no skills', { ...card, skills: undefined }],
    ['no interface', { ...card, supportedInterfaces: [] }],
    ['a URL that is none', makeAgentCard({ ...terms, url: 'nowhere' })],
    ['no extension of ours', { ...card, capabilities: {} }],
    ['an address that is none', makeAgentCard({ ...terms, address: 'ait1x' })],
    ['a number that canonical JSON has not', { ...card, weight: 0.5 }],
    ['half a character', { ...card, name: '\ud800' }],
    ['too much of it', { ...card, more: 'x'.repeat(limits.agentCardBytes) }],
  ])('is refused with %s', (_what, value) => {
    expect(readAgentCard(value)).toMatchObject({ ok: false, code: 'CARD_INVALID' });
  });
});

describe('the documents of a task', () => {
  const keysOf = (seed: number) => keyPairFromSeed(new Uint8Array(32).fill(seed));
  const [poster, arbiter, stranger] = [keysOf(1), keysOf(2), keysOf(3)];
  const sealTo = [poster, arbiter].map(({ publicKey }) => hex(publicKey));
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 });
  const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });

  it('read as they were written, whatever the text', () => {
    fc.assert(
      fc.property(text, text, seeds, (title, body, seed) => {
        const spec = { title: title.slice(0, 20) || 't', skill: 'some-skill', text: body };
        fc.pre(!/\p{Surrogate}/u.test(spec.title));
        expect(readTaskSpec(makeTaskSpec({ ...spec, sealTo }))).toEqual({ ...spec, sealTo });
        expect(readTaskResult(makeTaskResult(body, { seed }))).toEqual({
          kind: 'open',
          text: body,
        });
        const sealed = makeTaskResult(body, { sealTo, seed });
        for (const keys of [poster, arbiter]) {
          expect(readTaskResult(sealed, [stranger, keys])).toMatchObject({ text: body });
        }
        expect(readTaskResult(sealed, [stranger])).toEqual({
          ...{ kind: 'sealed', text: undefined, readers: sealTo },
        });
      }),
      { numRuns: 50 },
    );
  });

  it('that were written otherwise are their own text', () => {
    expect(readTaskSpec('## Ten names\nfor a cat')).toEqual({
      ...{ title: 'Ten names', text: '## Ten names\nfor a cat' },
    });
    expect(readTaskSpec('x'.repeat(100)).title).toBe(`${'x'.repeat(79)}…`);
    expect(readTaskSpec('{"title":1}').title).toBe('{"title":1}');
    expect(readTaskResult('[]')).toEqual({ kind: 'open', text: '[]' });
  });

  it('do not open when a box was changed', () => {
    const seed = new Uint8Array(32).fill(7);
    const sealed = JSON.parse(makeTaskResult('secret', { sealTo, seed })) as {
      box: string;
      keys: { to: string; box: string }[];
    };
    const [first] = sealed.keys;
    const swapped = { ...sealed, box: first?.box };
    const forged = { ...sealed, keys: sealed.keys.map(({ to }) => ({ to, box: sealed.box })) };
    const broken = { ...sealed, box: '!' };
    for (const changed of [swapped, forged]) {
      expect(readTaskResult(JSON.stringify(changed), [poster]).text).toBeUndefined();
    }
    expect(readTaskResult(JSON.stringify(broken), [poster]).kind).toBe('open');
  });

  it('are bounded, and are sealed only to keys that can receive', () => {
    const seed = new Uint8Array(32);
    const long = 'x'.repeat(limits.taskDocumentBytes);
    const wrong = '00'.repeat(32);
    const makes = [
      () => makeTaskSpec({ title: 't', text: long }),
      () => makeTaskResult(long, { seed }),
      () => makeTaskResult('x', { seed, sealTo: [wrong] }),
    ];
    for (const make of makes) {
      expect(make).toThrow(AppError);
      expect(make).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }) as Error);
    }
  });

  it('have the hash that sha256sum has', () => {
    expect(taskDocumentHash('abc')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});

describe('the exit of a task', () => {
  const open: ChainTask = {
    ...{ taskId: 'ab'.repeat(32), poster: 'p', worker: null, arbiter: 'a', reward: '10' },
    ...{ deadlineMs: 100, reviewMs: 7, specHash: 'cd'.repeat(32), state: 'open', dueMs: 100 },
    ...{ resultHash: null, reasonHash: null, workerShareNait: '0' },
  };
  const movesOf = (task: ChainTask, nowMs: number) =>
    taskMoves(task, nowMs).map(({ role, move }) => `${role} ${move}`);

  it('follows the steps of the ledger', () => {
    const accepted = taskAfter(open, { move: 'accept', from: 'w' });
    const submitted = taskAfter(accepted, { move: 'submit', resultHash: 'ee', timeMs: 50 });
    const disputed = taskAfter(submitted, { move: 'dispute', reasonHash: 'ff', timeMs: 55 });
    const exits = [open, accepted, submitted, disputed].map(taskExit);
    expect(exits).toEqual([
      { atMs: 100, to: 'poster' },
      { atMs: 100, to: 'poster' },
      { atMs: 57, to: 'worker' },
      { atMs: 55 + limits.taskDisputeMs, to: 'poster' },
    ]);
    const resolved = taskAfter(disputed, { move: 'resolve', workerShareNait: '3' });
    expect([resolved.workerShareNait, taskExit(resolved), movesOf(resolved, 0)]).toEqual([
      ...['3', undefined, []],
    ]);
    expect(taskAfter(submitted, { move: 'expire' }).workerShareNait).toBe('10');
    expect(taskAfter(disputed, { move: 'expire' }).workerShareNait).toBe('0');
    expect(movesOf(open, 99)).toEqual(['anyone accept']);
    expect(movesOf({ ...open, worker: 'w' }, 99)).toEqual(['worker accept']);
    expect(movesOf(accepted, 99)).toEqual(['worker submit']);
    expect(movesOf(submitted, 56)).toEqual(['poster approve', 'poster dispute']);
    expect(movesOf({ ...submitted, arbiter: null }, 56)).toEqual(['poster approve']);
    expect(movesOf(disputed, 56)).toEqual(['arbiter resolve', 'poster approve']);
    expect(movesOf(submitted, 57)).toEqual(['anyone expire']);
  });
});
