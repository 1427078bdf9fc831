/** Bodies are parsed strictly: what runs is what was asked for and paid for. */
import type { z } from 'zod';
import { AppError } from '../errors.ts';

const fieldChars = 80;
const reasonChars = 300;

type Issue = z.core.$ZodIssue;

/**
 * The parsed body. Throws FIELD_UNSUPPORTED for a field, or a value of a field, that is not sold, and BAD_REQUEST
 * for what is not valid.
 */
export function readBody<S extends z.ZodType>(schema: S, json: unknown): z.output<S> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw errorOf(parsed.error.issues[0]);
}

function errorOf(issue: Issue | undefined): AppError {
  const unsold = issue && findUnsold(issue, []);
  if (unsold) return new AppError('FIELD_UNSUPPORTED', unsold);
  const path = issue?.path.map(String).join('.') || 'body';
  const reason = `${path}: ${issue?.message ?? 'not valid'}`;
  return new AppError('BAD_REQUEST', { reason: reason.slice(0, reasonChars) });
}

/** The field that is not sold, also inside the alternatives of a union. */
function findUnsold(
  issue: Issue,
  above: readonly PropertyKey[],
): { field: string; reason: string } | undefined {
  const path = [...above, ...issue.path];
  const reason = 'it is not part of what is sold';
  if (issue.code === 'unrecognized_keys') {
    return { field: fieldOf([...path, issue.keys[0] ?? '']), reason };
  }
  if (path.length > 0 && isAbsentOnly(issue)) return { field: fieldOf(path), reason };
  if (issue.code === 'invalid_value' && path.length > 0) {
    const sold = issue.values.map((value) => JSON.stringify(value)).join(' or ');
    return { field: fieldOf(path), reason: `only ${sold} is sold` };
  }
  if (issue.code !== 'invalid_union') return undefined;
  for (const inner of issue.errors.flat()) {
    const found = inner.path.length > 0 ? findUnsold(inner, path) : undefined;
    if (found) return found;
  }
  return undefined;
}

const fieldOf = (keys: readonly PropertyKey[]) => keys.map(String).join('.').slice(0, fieldChars);

/** A field that may stand there as null, or as an empty list, and says nothing then. */
function isAbsentOnly(issue: Issue): boolean {
  if (issue.code === 'invalid_type') return issue.expected === 'null';
  return issue.code === 'too_big' && issue.origin === 'array' && issue.maximum === 0;
}
