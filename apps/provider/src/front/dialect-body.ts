/** Bodies of the dialects we sell: parsed strictly, so that what runs is what was paid for. */
import {
  AppError,
  type Dialect,
  dialectBodies,
  type InferenceRequest,
  inferenceOf,
} from '@aitbc/protocol';

/** A request body that was understood. */
export interface DialectBody {
  readonly inference: InferenceRequest;
  /** OpenAI streams carry their usage only when asked. */
  readonly includeUsage: boolean;
}

interface Issue {
  readonly code: string;
  readonly message: string;
  readonly path: readonly PropertyKey[];
  readonly keys?: readonly string[];
}

/** The job inside a body. Throws FIELD_UNSUPPORTED or BAD_REQUEST. */
export function readDialectBody(dialect: Dialect, body: unknown): DialectBody {
  const parsed = dialectBodies[dialect].safeParse(body);
  if (!parsed.success) throw errorOfIssue(parsed.error.issues[0] as Issue | undefined);
  const options = (parsed.data as { stream_options?: { include_usage?: boolean } | null })
    .stream_options;
  return {
    inference: inferenceOf(dialect, parsed.data),
    includeUsage: options?.include_usage === true,
  };
}

function errorOfIssue(issue: Issue | undefined): AppError {
  const path = issue?.path.map(String) ?? [];
  if (issue?.code === 'unrecognized_keys') {
    const field = [...path, issue.keys?.[0] ?? ''].join('.').slice(0, 80);
    return new AppError('FIELD_UNSUPPORTED', { field, reason: 'it is not part of what is sold' });
  }
  const reason = `${path.join('.') || 'body'}: ${issue?.message ?? 'not valid'}`;
  return new AppError('BAD_REQUEST', { reason: reason.slice(0, 300) });
}
