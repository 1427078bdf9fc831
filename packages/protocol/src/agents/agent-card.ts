/**
 * Identity cards of agents: A2A agent cards (version 1.0 of that protocol), with one extension of ours.
 *
 * The chain keeps the hash of a card, so whoever serves the card cannot change it: the hash is the SHA-256 of the
 * card's canonical JSON. The extension names the account the card belongs to, so a card that was copied to another
 * account is seen to be one; a key that letters to the agent are sealed to; and prices as a hint, which bind nobody.
 *
 * Strict enough: the fields that A2A asks for are checked and bounded, fields that it may add later pass and are
 * hashed with the rest. Numbers are whole, because canonical JSON knows no others. See docs/spec/agents.md, "Registry".
 */
import { canonicalJson, type JsonValue, sha256Hex, utf8 } from '@aitbc/primitives';
import { z } from 'zod';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { zAddress, zAmount, zKey, zText } from '../scalars.ts';

/** Version of A2A that our cards speak. */
export const a2aVersion = '1.0';
/** Where A2A looks for a card, below the address of an agent. */
export const agentCardPath = '/.well-known/agent-card.json';
/** URI of our extension, by which A2A tells extensions apart. */
export const agentExtensionUri = 'urn:aitbc:agent:1';

const skillsMax = 64;
const listMax = 32;
const zShort = zText(120);
const zLong = zText(2_000);
const zModes = z.array(zShort).max(listMax);
const zUrl = zText(limits.endpointBytes).refine((text) => URL.canParse(text), 'expected a URL');

/** What an agent can do. */
export const zAgentSkill = z.looseObject({
  id: zText(64),
  name: zShort,
  description: zLong,
  tags: z.array(zText(64)).max(listMax),
  examples: z.array(zLong).max(listMax).optional(),
  inputModes: zModes.optional(),
  outputModes: zModes.optional(),
});

/** Where an agent answers, and in which words. */
export const zAgentInterface = z.looseObject({
  url: zUrl,
  protocolBinding: zShort.meta({ examples: ['JSONRPC', 'HTTP+JSON', 'AITBC'] }),
  protocolVersion: zText(16),
});

/** What our extension says. */
export const zAgentFacts = z.looseObject({
  address: zAddress,
  messageKey: zKey.optional().meta({ description: 'Ed25519 key that letters are sealed to' }),
  prices: z
    .array(z.looseObject({ skill: zText(64), fromNait: zAmount }))
    .max(skillsMax)
    .optional()
    .meta({ description: 'hints: what a task of a skill costs at least' }),
});

/** A card as A2A has it. */
export const zAgentCard = z.looseObject({
  name: zShort,
  description: zLong,
  version: zText(32).meta({ description: 'version of the agent' }),
  supportedInterfaces: z.array(zAgentInterface).min(1).max(listMax),
  capabilities: z.looseObject({
    streaming: z.boolean().optional(),
    pushNotifications: z.boolean().optional(),
    extendedAgentCard: z.boolean().optional(),
    extensions: z
      .array(
        z.looseObject({
          uri: zText(200),
          description: zLong.optional(),
          required: z.boolean().optional(),
          params: z.record(z.string(), z.unknown()).optional(),
        }),
      )
      .max(listMax)
      .optional(),
  }),
  defaultInputModes: zModes.min(1),
  defaultOutputModes: zModes.min(1),
  skills: z.array(zAgentSkill).max(skillsMax),
  provider: z.looseObject({ organization: zShort, url: zUrl }).optional(),
  documentationUrl: zUrl.optional(),
  iconUrl: zUrl.optional(),
});

export type AgentCard = z.infer<typeof zAgentCard>;
export type AgentSkill = z.infer<typeof zAgentSkill>;
export type AgentFacts = z.infer<typeof zAgentFacts>;

/** What `makeAgentCard` needs to know. */
export interface AgentCardTerms extends AgentFacts {
  readonly name: string;
  readonly description: string;
  /** Where the agent answers: its own server, or the coordinator that keeps its messages. */
  readonly url: string;
  readonly skills: readonly AgentSkill[];
  /** Version of the agent, default `1`. */
  readonly version?: string;
}

/** A card that is read, with what our extension says. */
export interface ReadCard {
  readonly card: AgentCard;
  readonly facts: AgentFacts;
  /** The hash that stands on chain. */
  readonly cardHash: Hex;
}

/** SHA-256 of the canonical JSON. Throws TypeError for what canonical JSON does not allow. */
export function agentCardHash(card: AgentCard): Hex {
  return sha256Hex(utf8(canonicalJson(card as unknown as JsonValue)));
}

/** A card with our extension; texts in, texts out. */
export function makeAgentCard(terms: AgentCardTerms): AgentCard {
  const { name, description, url, skills, version = '1', ...facts } = terms;
  return {
    name,
    description,
    version,
    supportedInterfaces: [{ url, protocolBinding: 'AITBC', protocolVersion: a2aVersion }],
    capabilities: {
      streaming: false,
      pushNotifications: false,
      extensions: [{ uri: agentExtensionUri, required: false, params: facts }],
    },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [...skills],
  };
}

/** Checks a card: its form, its size and our extension. Refusals: CARD_INVALID. */
export function readAgentCard(value: unknown): Verdict<ReadCard> {
  const parsed = zAgentCard.safeParse(value);
  if (!parsed.success) return refuse('CARD_INVALID', { reason: issueOf(parsed.error) });
  const card = parsed.data;
  let text: string;
  try {
    text = canonicalJson(card as unknown as JsonValue);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return refuse('CARD_INVALID', { reason: error.message });
  }
  const bytes = utf8(text);
  if (bytes.length > limits.agentCardBytes) {
    const reason = `it has ${bytes.length} bytes, more than ${limits.agentCardBytes}`;
    return refuse('CARD_INVALID', { reason });
  }
  const extension = card.capabilities.extensions?.find(({ uri }) => uri === agentExtensionUri);
  const facts = zAgentFacts.safeParse(extension?.params);
  if (!facts.success) {
    const reason = `its extension ${agentExtensionUri} is not there or not whole: ${issueOf(facts.error)}`;
    return refuse('CARD_INVALID', { reason });
  }
  return accept({ card, facts: facts.data, cardHash: sha256Hex(bytes) });
}

/** Words that find a card: ids and tags of its skills, in small letters, each once. */
export function skillWordsOf(card: AgentCard): string[] {
  const words = card.skills.flatMap(({ id, tags }) => [id, ...tags]);
  return [...new Set(words.map((word) => word.toLowerCase()))];
}

function issueOf(error: z.ZodError): string {
  const issue = error.issues[0];
  return `${issue?.path.join('.') || 'card'}: ${issue?.message ?? 'unknown'}`.slice(0, 300);
}
