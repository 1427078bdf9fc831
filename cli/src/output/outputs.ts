/**
 * What every command of ours prints with `--json`, as schemas. Each JSON value on standard output follows the schema of
 * its command: most print one; those that go on and on print one a line. `aitbc schema` shows them, docs/schemas.json
 * is made of them, and the tour (test/tour.test.ts) holds real answers against them.
 *
 * They stand apart from the commands, because a command is imported to be run or explained, and the schemas of the
 * whole protocol take longer to build than most commands take to run.
 */
import { z } from 'zod';
import { chainOutputs, devnetOutputs } from './chain.ts';
import { coinOutputs } from './coins.ts';
import { coordinationOutputs } from './coordination.ts';
import { aiOutputs, marketOutputs } from './market.ts';
import { messageOutputs } from './messages.ts';
import { netOutputs } from './net.ts';
import { type Outputs, zErrorOutput } from './shapes.ts';
import { surveillanceOutputs } from './surveillance.ts';
import { toolOutputs } from './tools.ts';
import { tradingOutputs } from './trading.ts';
import { walletOutputs } from './wallet.ts';
import { watchOutputs } from './watch.ts';

const draft = 'https://json-schema.org/draft/2020-12/schema';

export { zErrorOutput } from './shapes.ts';

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Schemas by command, words joined by a space. */
export const outputs: Outputs = Object.freeze({
  ...aiOutputs,
  ...chainOutputs,
  ...coinOutputs,
  ...coordinationOutputs,
  ...devnetOutputs,
  ...marketOutputs,
  ...messageOutputs,
  ...netOutputs,
  ...surveillanceOutputs,
  ...toolOutputs,
  ...tradingOutputs,
  ...walletOutputs,
  ...watchOutputs,
});

/** The published form of a schema. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { unrepresentable: 'any' });
}

/** The document of all commands: `error` is what any of them prints instead when it fails. */
export function schemaDocument(): JsonSchema {
  const names = Object.keys(outputs).sort();
  return {
    error: bare(zErrorOutput),
    commands: Object.fromEntries(names.map((name) => [name, bare(outputs[name] as z.ZodType)])),
  };
}

/** Text of docs/schemas.json: a line for each command. */
export function schemaPage(): string {
  const { error, commands } = schemaDocument();
  const lines = Object.entries(commands as Record<string, unknown>).map(
    ([name, schema]) => `  ${JSON.stringify(name)}: ${JSON.stringify(schema)}`,
  );
  const head = `"$schema": "${draft}",\n"error": ${JSON.stringify(error)},\n"commands": {\n`;
  return `{\n${head}${lines.join(',\n')}\n}\n}\n`;
}

/** Without the line that names the draft, which the document says once. */
function bare(schema: z.ZodType): JsonSchema {
  const { $schema: _draft, ...rest } = jsonSchemaOf(schema);
  return rest;
}
