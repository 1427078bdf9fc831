/** Codes that any part may raise. */
import type { Row } from './row.ts';

export const generalRows = {
  // general
  BAD_REQUEST: [400, 2, false, 'The request is not valid: {reason}.'],
  NOT_FOUND: [404, 4, false, 'There is no {what} here. Check the path or the id.'],
  UNAUTHORIZED: [401, 5, false, 'This call needs a valid token or signature: {reason}.'],
  FORBIDDEN: [403, 5, false, 'This caller may not do that: {reason}.'],
  PAYLOAD_TOO_LARGE: [
    413,
    2,
    false,
    'The message is {sizeBytes} bytes; the limit is {limitBytes}.',
  ],
  RATE_LIMITED: [429, 7, true, 'Too many calls. Try again in {retryAfterSeconds} s.'],
  INTERNAL: [500, 1, true, 'Something broke on our side ({reason}). The log has the details.'],
  UNAVAILABLE: [503, 7, true, '{what} cannot be reached: {reason}. Check that it runs.'],
  TIMEOUT: [504, 7, true, '{what} did not answer within {timeoutMs} ms.'],
  CANCELLED: [499, 130, false, 'Stopped by the caller.'],
  ANSWER_INVALID: [
    502,
    7,
    false,
    '{what} answered what it should not: {reason}. Check that both run the same version.',
  ],
  CONFIG_INVALID: [500, 2, false, 'The configuration is not valid: {reason}.'],
  CONFIG_UNKNOWN_KEY: [500, 2, false, 'Unknown setting "{key}". Did you mean "{nearest}"?'],
  PORT_IN_USE: [500, 2, false, 'Port {port} is taken. Stop what listens there, or set {setting}.'],
  STORE_CORRUPT: [500, 1, false, 'Stored data of {what} is not readable: {reason}.'],
} as const satisfies Record<string, Row>;
