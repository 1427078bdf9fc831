import { type AppError, errorBodyOf } from '../errors.ts';

/** Body of an error in the shape that OpenAI's clients read; our facts travel along. */
export function openAiError(error: AppError): Record<string, unknown> {
  const { code, message, facts } = errorBodyOf(error);
  return { error: { message, type: typeOf(error), code, param: paramOf(facts), facts } };
}

/** The kinds of errors that OpenAI's clients tell apart. */
function typeOf({ code, row }: AppError): string {
  const { httpStatus } = row;
  if (code === 'BUDGET_EXCEEDED') return 'insufficient_quota';
  if (httpStatus === 402) return 'payment_required';
  if (httpStatus === 401 || httpStatus === 403) return 'authentication_error';
  if (httpStatus === 429) return 'rate_limit_error';
  return httpStatus >= 500 ? 'server_error' : 'invalid_request_error';
}

function paramOf({ field }: Readonly<Record<string, unknown>>): string | null {
  return typeof field === 'string' ? field : null;
}
