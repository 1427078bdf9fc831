/** `aitbc ai ask`: a paid answer, streamed. */
import { type ChatRequest, chatOptions, chatRequestFor } from '../../ai/chat-request.ts';
import { type ChatAnswer, streamChat } from '../../ai/stream-chat.ts';
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import type { Context } from '../../context/context.ts';
import { assertWritable } from '../../context/read-text-file.ts';
import { writeProof } from '../../receipt/read-proof.ts';
import { counted, latencyText, shortAddress } from '../../wording.ts';

export default defineCommand({
  summary: 'Ask a model; the answer streams, you pay for the tokens that arrive',
  details:
    'The gateway finds the best offer and pays window by window. Ctrl-C stops the model and the bill.',
  arguments: [{ name: 'prompt', help: 'what to ask, in quotes', required: false }],
  options: {
    ...chatOptions,
    saveReceipt: { flags: '--save-receipt <path>', help: 'write the proof of the job to a file' },
  },
  examples: [
    { line: 'aitbc ai ask "Why is the sky blue?"', note: 'the first model of the market' },
    {
      line: 'git diff | aitbc ai ask "Review this change" --file - --max-tokens 400',
      note: 'with a text from standard input',
    },
    {
      line: 'aitbc ai ask "Name a prime" --save-receipt job.json',
      note: 'keep the proof for: aitbc receipt verify job.json',
    },
  ],
  async run(context, { args, options }) {
    const { out } = context;
    if (options.saveReceipt !== undefined) assertWritable(options.saveReceipt);
    const request = await chatRequestFor(context, { prompt: args.prompt, options });
    const answer = await showAnswer(context, request);
    const receiptFile = await saveReceipt(context, options.saveReceipt, answer);
    if (out.json) out.result({ ...answer, receiptFile }, () => '');
    else out.note(out.style('dim', summaryOf(answer)));
  },
});

/** Streams the answer to standard output; also what broke off ends with a line end. */
async function showAnswer(context: Context, request: ChatRequest): Promise<ChatAnswer> {
  const { out } = context;
  const waiting = out.progress(`${request.model} …`);
  const text = out.stream();
  try {
    const { transport } = await context.clients();
    const { urls, signal, gatewayKey } = context;
    const link = { transport, gatewayUrl: urls.gateway, key: gatewayKey(), signal };
    return await streamChat(link, request, (piece) => {
      waiting.done();
      text.write(piece);
    });
  } finally {
    waiting.done();
    text.end();
  }
}

async function saveReceipt(
  { clients, signal, out }: Context,
  file: string | undefined,
  { jobId }: ChatAnswer,
): Promise<string | null> {
  if (file === undefined || jobId === null) return null;
  const { gateway } = await clients();
  writeProof(file, await gateway.proof({ jobId }, { signal }));
  if (!out.json) out.note(out.style('dim', `Receipt: ${file}`));
  return file;
}

/** `81 tokens (15 in, 66 out) · 0.00001065 AIT · …`, and what proves it. */
function summaryOf(answer: ChatAnswer): string {
  const { promptTokens, outputTokens, charged, provider, jobId, firstTokenMs, durationMs } = answer;
  const first = firstTokenMs === null ? '' : `, first token ${latencyText(firstTokenMs)}`;
  const tokens =
    promptTokens === null || outputTokens === null
      ? 'tokens unknown'
      : `${counted(promptTokens + outputTokens, 'token')} (${promptTokens} in, ${outputTokens} out)`;
  const facts = [
    tokens,
    charged === null ? 'cost unknown' : aitText(charged),
    `${latencyText(durationMs)}${first}`,
    `provider ${provider === null ? 'unknown' : shortAddress(provider)}`,
  ];
  return `${facts.join(' · ')}\njob ${jobId ?? 'unknown'}`;
}
