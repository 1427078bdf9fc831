/** The body of a call as every provider gets it, made and hashed once for each request. */
import { utf8 } from '@aitbc/primitives';
import {
  bodyDigestOf,
  type EmbedRequest,
  type Hex,
  type InferenceRequest,
  wireBodyOf,
  wireEmbedBodyOf,
} from '@aitbc/protocol';

/** A request body. */
export interface WireBody {
  readonly body: string;
  readonly bodyDigest: Hex;
}

const known = new WeakMap<InferenceRequest | EmbedRequest, WireBody>();

/** The body of a request, the same for the same object. */
export function wireOf(request: InferenceRequest | EmbedRequest): WireBody {
  const made = known.get(request) ?? make(request);
  known.set(request, made);
  return made;
}

/** A body that was made otherwise. */
export function wireOfText(body: string): WireBody {
  return { body, bodyDigest: bodyDigestOf(utf8(body)) };
}

function make(request: InferenceRequest | EmbedRequest): WireBody {
  const fields = 'inputs' in request ? wireEmbedBodyOf(request) : wireBodyOf(request);
  return wireOfText(JSON.stringify(fields));
}
