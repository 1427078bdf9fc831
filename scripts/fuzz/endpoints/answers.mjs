/** What an answer must be: a declared status with a code of the error table, and never INTERNAL. */
import { errorTable, isErrorCode } from '@aitbc/protocol';
import { demand } from '../check.mjs';

const surprising = /"error":\{[^{}]*"code":\s*(?:"INTERNAL"|-32603)/;

/** A status of the table with its code; of 5xx only what the table declares, and never INTERNAL. */
export function demandDeclared({ status, head, text }) {
  const about = `${status}: ${text.slice(0, 400)}`;
  demand(!isSurprised(text), `it is surprised: ${about}`);
  if (status < 400) return;
  const code = codeIn(text);
  demand(code !== 'INTERNAL', `it is surprised: ${about}`);
  if (code !== undefined) {
    demand(isErrorCode(code), `the code ${code} is in no table`);
    const declared = errorTable[code].httpStatus;
    demand(declared === status, `${code} is ${declared} and not ${status}`);
    return;
  }
  demand(status < 500, `it fails without a code: ${head.slice(0, 100)} ${about}`);
}

/** An answer that says INTERNAL of itself; a document that explains the code does not. */
export function isSurprised(text) {
  return surprising.test(text) || text.startsWith('{"type":"urn:aitbc:error:INTERNAL"');
}

/** The code of a problem document, or of an error of JSON-RPC or a dialect that carries ours. */
function codeIn(text) {
  try {
    const value = JSON.parse(text);
    const code = value.code ?? value.error?.data?.code ?? value.error?.code;
    return typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code) ? code : undefined;
  } catch {
    return undefined;
  }
}
