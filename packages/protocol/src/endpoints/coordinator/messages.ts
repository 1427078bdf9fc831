/** Messages between accounts at the coordinator: a mailbox for each, and topics. See docs/spec/agents.md, "Messages". */
import { z } from 'zod';
import { limits } from '../../limits.ts';
import { zBase64, zCount, zHash } from '../../scalars.ts';
import { type EndpointTable, endpoint } from '../endpoint.ts';

const base64CharsOf = (sizeBytes: number): number => Math.ceil(sizeBytes / 3) * 4;
const noticeHeadBytes = 512;

const zLetterText = zBase64
  .min(1)
  .max(base64CharsOf(limits.letterBytes))
  .meta({ description: 'signed letter, base64' });
const zNoticeText = zBase64
  .min(1)
  .max(base64CharsOf(limits.noticePayloadBytes + noticeHeadBytes))
  .meta({ description: 'signed notice, base64' });
const zTopic = z.string().min(1).max(limits.noticeTopicBytes);
const zAfter = { after: zCount.default(0).meta({ description: 'number of the last letter seen' }) };

/** A letter in a mailbox. */
export const zMailboxLetter = z.object({
  seq: zCount.meta({ description: 'rises with time; the cursor of a page' }),
  id: zHash,
  letter: zLetterText,
});

/** A letter in a mailbox; `letter` is base64. */
export type MailboxLetter = z.infer<typeof zMailboxLetter>;

export const messageEndpoints = {
  sendLetter: endpoint({
    method: 'POST',
    path: '/v1/messages',
    summary:
      'Puts a signed, sealed letter into the mailbox of its receiver, where it stays until it is acknowledged or runs out.',
    access: 'open',
    input: z.strictObject({ letter: zLetterText }),
    output: z.object({ id: zHash, keptUntilMs: zCount }),
  }),
  readLetters: endpoint({
    method: 'GET',
    path: '/v1/messages',
    summary: 'Letters in the mailbox of the account that signed the call, oldest first.',
    access: 'open',
    input: z.strictObject({
      ...zAfter,
      limit: z.int().positive().max(limits.pageSize).default(limits.pageSize),
    }),
    output: z.object({ letters: z.array(zMailboxLetter), next: zCount }),
  }),
  followLetters: endpoint({
    method: 'GET',
    path: '/v1/messages/events',
    summary:
      'Server-sent events: `letter` for each letter in the mailbox and for each that comes. The account signs the call.',
    access: 'open',
    streams: true,
    input: z.strictObject({ ...zAfter }),
    output: z.unknown(),
  }),
  acknowledgeLetters: endpoint({
    method: 'POST',
    path: '/v1/messages/acknowledge',
    summary: 'Deletes letters from the mailbox of the account that signed the call.',
    access: 'open',
    input: z.strictObject({ ids: z.array(zHash).min(1).max(limits.pageSize) }),
    output: z.object({ deleted: zCount }),
  }),
  publishTopic: endpoint({
    method: 'POST',
    path: '/v1/topics/:topic',
    summary: 'Tells everybody who listens to the topic now; the notice is signed by its sender.',
    access: 'open',
    input: z.strictObject({ topic: zTopic, notice: zNoticeText }),
    output: z.object({ id: zHash, listeners: zCount }),
  }),
  followTopic: endpoint({
    method: 'GET',
    path: '/v1/topics/:topic',
    summary: 'Server-sent events: `notice` for each notice to the topic from now on, base64.',
    access: 'open',
    streams: true,
    input: z.strictObject({ topic: zTopic }),
    output: z.unknown(),
  }),
} as const satisfies EndpointTable;
