/**
 * The text of docs/api.md, made from the endpoint tables: a call, its fields, its answer, and the objects that several
 * calls share. Types are written as the schemas check them; nothing here knows a call by name.
 */
import * as protocol from '@aitbc/protocol';

/** Words for scalars; everything else that has an exported schema is an object with a section of its own. */
const scalarNames = {
  zAmount: 'amount',
  zAddress: 'address',
  zHash: 'hash',
  zKey: 'key',
  zSignature: 'signature',
  zBase64: 'base64',
};

/** Daemons, their ports and their tables, in the order of the page. */
const daemons = [
  {
    name: 'Coordinator',
    port: protocol.ports.coordinator,
    tables: {
      'The market': protocol.coordinatorEndpoints,
      'Facilitator of x402': protocol.facilitatorEndpoints,
    },
  },
  { name: 'Gateway', port: protocol.ports.gateway, tables: { Calls: protocol.gatewayEndpoints } },
  {
    name: 'Provider',
    port: protocol.ports.provider,
    tables: {
      'For buyers': protocol.providerEndpoints,
      'Payments by one transfer': protocol.oneShotEndpoints,
      'For its owner': protocol.providerOwnerEndpoints,
    },
  },
  { name: 'Wallet', port: protocol.ports.wallet, tables: { Calls: protocol.walletEndpoints } },
];
const rpcTables = {
  'Over HTTP and WebSocket': protocol.nodeRpc,
  'Over WebSocket only': protocol.nodeSocketRpc,
};
const accessWords = {
  open: 'open',
  token: 'needs `Authorization: Bearer …`',
  paid: 'paid: without a payment it is answered by 402 and its terms',
};

/** The whole page. */
export function apiPage() {
  const objects = createObjects();
  const parts = daemons.map((daemon) => daemonText(daemon, objects));
  const rpc = Object.entries(rpcTables).map(
    ([heading, table]) =>
      `### ${heading}\n\n${Object.entries(table)
        .map(([name, row]) => methodText(name, row, objects))
        .join('\n')}`,
  );
  const body = `${parts.join('\n')}\n## Node, port ${protocol.ports.node}\n\nJSON-RPC 2.0: HTTP POST \`/\` and WebSocket \`/\`. How requests, batches and errors look: [wire.md](spec/wire.md#json-rpc-of-the-node).\n\n${rpc.join('\n')}`;
  return `${introduction}\n${body}\n${objects.text()}`;
}

const introduction = `# API reference

Written by \`node scripts/pages/api-page.mjs\` from the tables in \`packages/protocol/src/endpoints/\`, which servers and clients are made
from; a test holds this page against them. Every daemon but the node also serves an OpenAPI 3.1 document at \`/openapi.json\`.

- A call has one flat input. Names that stand in the path as \`:name\` are taken from it; the rest is the query of GET and DELETE, or the
  JSON body of POST. Unknown names are refused.
- An *amount* is a decimal string of nait (1 AIT = 1 000 000 000 nait), an *address* is \`ait1…\`, a *hash* and a *key* are 64
  hex digits in lower case, a *signature* 128. A *count* is a whole number from 0 to 2^53 − 1.
- Errors are problem details (RFC 9457) with a stable \`code\` and its \`facts\`; any call may answer with one of
  [errors.md](errors.md). Sizes and rates that hold for all calls: [limits.md](limits.md).
- A field with a \`?\` may be left out. \`[]\` is a list, \`{}\` a map by name, \`null\` stands in the type where it may be.
- A web page may call little of this: [wire.md](spec/wire.md#calls-from-web-pages).
`;

function daemonText({ name, port, tables }, objects) {
  const sections = Object.entries(tables).map(([heading, table]) => {
    const calls = Object.values(table).map((row) => callText(row, objects));
    return `### ${heading}\n\n${calls.join('\n')}`;
  });
  return `## ${name}, port ${port}\n\n${sections.join('\n')}`;
}

function callText(row, objects) {
  const body = row.bodyBytes === undefined ? '' : ` Its body has at most ${row.bodyBytes} bytes.`;
  const stream = row.streams ? ' Streams when the input asks for it.' : '';
  const head = `#### ${row.method} ${row.path}\n\n${row.summary} Access: ${accessWords[row.access]}.${body}${stream}\n`;
  return `${head}\n${fieldsText(row, objects)}`;
}

function methodText(name, row, objects) {
  const access = row.access === 'admin' ? ' Needs the admin token of the node.' : '';
  const changes =
    row.changes === undefined
      ? ' Changes nothing.'
      : row.changes === 'signed'
        ? ' Changes what the caller has signed.'
        : ' Acts with the rights of the node.';
  return `#### ${name}\n\n${row.summary}${access}${changes}\n\n${fieldsText(row, objects)}`;
}

function fieldsText({ input, output }, objects) {
  const given = fieldRows(objects.schemaOf(input, 'input'), '');
  const got = fieldRows(objects.schemaOf(output, 'output'), '');
  return tableText([
    ...given.map((row) => ({ ...row, side: 'in' })),
    ...got.map((row) => ({ ...row, side: 'out' })),
  ]);
}

function tableText(rows) {
  if (rows.length === 0) return 'No fields.\n';
  const lines = rows.map(
    ({ side, name, type, about }) =>
      `| ${side} | ${name === '' ? '*all*' : `\`${name}\``} | ${type} | ${about} |`,
  );
  return `| | Field | Type | Means |\n|---|---|---|---|\n${lines.join('\n')}\n`;
}

/** A row for each field, below it those of an object without a name. */
function fieldRows(schema, prefix) {
  const { properties } = schema;
  if (properties === undefined || schema['x-name'] !== undefined) {
    const type = typeOf(schema);
    const about = type === 'any' ? 'of the form that the summary names' : aboutOf(schema);
    return [{ name: prefix, type, about }];
  }
  const required = new Set(schema.required);
  return Object.entries(properties).flatMap(([key, field]) => {
    const name = `${prefix}${key}`;
    const mark = required.has(key) ? '' : '?';
    const own = { name: `${name}${mark}`, type: typeOf(field), about: aboutOf(field) };
    const [inner, joint] = innerOf(field);
    if (inner === undefined) return [own];
    return [own, ...fieldRows(inner, `${name}${joint}.`)];
  });
}

/** The object without a name inside a field, and how its fields are joined to it. */
function innerOf(schema) {
  const plain = withoutNull(schema);
  if (plain['x-name'] !== undefined) return [undefined, ''];
  if (plain.properties !== undefined) return [plain, ''];
  if (plain.items !== undefined) {
    const [inner, joint] = innerOf(plain.items);
    return [inner, `[]${joint}`];
  }
  return [undefined, ''];
}

function withoutNull(schema) {
  const kept = (schema.anyOf ?? []).filter(({ type }) => type !== 'null');
  return kept.length === 1 ? kept[0] : schema;
}

function typeOf(schema) {
  if (schema['x-scalar'] !== undefined) return schema['x-scalar'];
  if (schema['x-name'] !== undefined) {
    return `[${schema['x-name']}](#${schema['x-name'].toLowerCase()})`;
  }
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(' ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return [...new Set(choices.map(typeOf))].join(' or ');
  if (Array.isArray(schema.type)) {
    return schema.type.map((type) => typeOf({ ...schema, type })).join(' or ');
  }
  if (schema.type === 'array') return arrayType(schema);
  if (schema.type === 'object') return objectType(schema);
  if (schema.type === 'integer') return numberType(schema);
  if (schema.type === 'number') return `number${rangeOf(schema)}`;
  if (schema.type === 'string') return `text${lengthOf(schema)}`;
  return schema.type ?? 'any';
}

function arrayType({ items, prefixItems, minItems, maxItems }) {
  if (prefixItems !== undefined) return `[${prefixItems.map(typeOf).join(', ')}]`;
  const size = maxItems === undefined ? '' : `, ${minItems ?? 0} to ${maxItems}`;
  const inner = typeOf(items ?? {});
  return `${inner.includes(' ') ? `(${inner})` : inner}[]${size}`;
}

function objectType({ properties, additionalProperties }) {
  if (properties !== undefined || typeof additionalProperties !== 'object') return 'object';
  return `{} of ${typeOf(additionalProperties)}`;
}

const safeMax = Number.MAX_SAFE_INTEGER;

function numberType(schema) {
  const { minimum, maximum } = schema;
  if (minimum === 0 && maximum === safeMax) return 'count';
  return `whole number${rangeOf(schema)}`;
}

function rangeOf({ type, minimum, exclusiveMinimum, maximum }) {
  const above = type === 'integer' ? exclusiveMinimum + 1 : exclusiveMinimum;
  const least = minimum ?? (exclusiveMinimum === undefined ? undefined : above);
  const from = least === undefined || least === -safeMax ? '' : ` from ${least}`;
  return `${from}${maximum === undefined || maximum === safeMax ? '' : ` to ${maximum}`}`;
}

function lengthOf({ minLength, maxLength }) {
  if (maxLength !== undefined) return `, ${minLength ?? 0} to ${maxLength} characters`;
  return minLength === undefined ? '' : `, at least ${minLength} characters`;
}

function aboutOf(schema) {
  const isScalar = schema['x-scalar'] !== undefined;
  const about =
    isScalar && schema['x-plain'] === schema.description ? '' : (schema.description ?? '');
  const usual = schema.default === undefined ? '' : `default \`${JSON.stringify(schema.default)}\``;
  return [about, usual]
    .filter((text) => text !== '')
    .join('; ')
    .replaceAll('|', '\\|')
    .replaceAll('\n', ' ');
}

/** Schemas as JSON Schema, in which those that are exported carry their name; collects the ones that were met. */
function createObjects() {
  const names = new Map();
  const scalars = new Map();
  for (const [key, schema] of Object.entries(protocol)) {
    if (!/^z[A-Z]/.test(key) || schema?.toJSONSchema === undefined) continue;
    const scalar = scalarNames[key];
    if (scalar !== undefined) scalars.set(schema, scalar);
    else if (isObject(schema)) names.set(schema, key.slice(1));
  }
  const met = new Map();
  const schemaOf = (schema, io) =>
    schema.toJSONSchema({
      io,
      unrepresentable: 'any',
      override({ zodSchema, jsonSchema }) {
        const scalar = scalars.get(zodSchema);
        if (scalar !== undefined) {
          jsonSchema['x-scalar'] = scalar;
          jsonSchema['x-plain'] = jsonSchema.description;
        }
        const name = names.get(zodSchema);
        if (name === undefined) return;
        jsonSchema['x-name'] = name;
        if (!met.has(name)) met.set(name, { schema: zodSchema, io });
      },
    });
  const sectionOf = (name) => {
    const { schema, io } = met.get(name);
    const { 'x-name': _name, ...own } = schemaOf(schema, io);
    return `### ${name}\n\n${objectText(own)}`;
  };
  return {
    schemaOf,
    /** Sections of all that were met, also inside one another. */
    text() {
      const done = new Map();
      for (let left = [...met.keys()]; left.length > 0; ) {
        for (const name of left) done.set(name, sectionOf(name));
        left = [...met.keys()].filter((name) => !done.has(name));
      }
      const sections = [...done].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
      return `## Objects\n\nWhat several calls take or give. They are defined once, under the same name with a \`z\` before it.\n\n${sections.join('\n')}`;
    },
  };
}

function isObject(schema) {
  return ['object', 'union', 'record'].includes(schema.def?.type);
}

function objectText(schema) {
  const about = schema.description === undefined ? '' : `${schema.description}\n\n`;
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices?.every(({ properties }) => properties !== undefined)) {
    const tables = choices.map((choice) => objectTable(fieldRows(choice, '')));
    return `${about}One of:\n\n${tables.join('\n')}`;
  }
  return `${about}${objectTable(fieldRows(schema, ''))}`;
}

function objectTable(rows) {
  if (rows.length === 0) return 'No fields.\n';
  const lines = rows.map(
    ({ name, type, about }) => `| ${name === '' ? '*all*' : `\`${name}\``} | ${type} | ${about} |`,
  );
  return `| Field | Type | Means |\n|---|---|---|\n${lines.join('\n')}\n`;
}
