/** Work of a buyer that may wait: a file with one chat a line, `{"messages": […], "max_tokens": 200}`. */
import { createHash } from 'node:crypto';
import { AppError, limits, promptTokensBound } from '@aitbc/protocol';
import { readTextFile } from '../context/read-text-file.ts';

/** One job. */
export interface WorkRow {
  readonly messages: { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[];
  readonly max_tokens: number;
  readonly temperature?: number;
}

/** The jobs of a file. */
export interface Work {
  readonly rows: readonly WorkRow[];
  /** SHA-256 of the file, hex. */
  readonly hash: string;
}

const rowsMax = 1_000;
const tokensUsual = 256;

/** Throws CLI_USAGE that names the line. */
export function readWork(file: string): Work {
  const text = readTextFile(file, 'The file of jobs');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0 || lines.length > rowsMax) {
    const reason = `${file} has ${lines.length} jobs; 1 to ${rowsMax} are possible.`;
    throw new AppError('CLI_USAGE', { reason });
  }
  const rows = lines.map((line, at) => rowOf(line, `${file}, line ${at + 1}`));
  return { rows, hash: createHash('sha256').update(text).digest('hex') };
}

function rowOf(line: string, where: string): WorkRow {
  const fault = (reason: string) => new AppError('CLI_USAGE', { reason: `${where}: ${reason}.` });
  let found: Partial<WorkRow> | null;
  try {
    found = JSON.parse(line) as Partial<WorkRow> | null;
  } catch {
    throw fault('it is no JSON');
  }
  const { messages, max_tokens = tokensUsual, temperature } = found ?? {};
  const isChat =
    Array.isArray(messages) &&
    messages.length > 0 &&
    messages.every(
      (message) => typeof message?.content === 'string' && typeof message.role === 'string',
    );
  if (!isChat) throw fault('it has no messages with role and content');
  const fits =
    Number.isInteger(max_tokens) && max_tokens > 0 && max_tokens <= limits.outputTokensMax;
  if (!fits) throw fault(`max_tokens is not a number from 1 to ${limits.outputTokensMax}`);
  return { messages, max_tokens, ...(typeof temperature === 'number' ? { temperature } : {}) };
}

/** The most tokens a job can have. */
export function usageBound({ messages, max_tokens }: WorkRow) {
  return { promptTokens: promptTokensBound(messages), outputTokens: max_tokens };
}
