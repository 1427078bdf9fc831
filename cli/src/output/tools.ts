/** Outputs of the commands that are about the command line itself. */
import { zCount } from '@aitbc/protocol';
import { z } from 'zod';
import { type Outputs, zPath } from './shapes.ts';

const zOrigin = z.object({
  name: z.string(),
  value: z.string().nullable(),
  source: z.enum(['flag', 'variable', 'config', 'devnet', 'standard', 'unset']),
});

const zPlugin = z.object({
  name: z.string(),
  kind: z.enum(['package', 'file', 'folder']),
  version: z.string().nullable(),
  at: zPath,
  commands: z.array(z.string()),
  broken: z.array(z.object({ file: zPath, reason: z.string() })),
});

export const toolOutputs: Outputs = {
  'backup create': z.object({
    folder: zPath,
    names: z.array(z.string()),
    files: zCount,
    bytes: zCount,
    leftOut: z.array(zPath),
  }),
  'backup restore': z.object({
    to: zPath,
    names: z.array(z.string()),
    files: zCount,
    begunAtMs: zCount,
  }),
  'config get': zOrigin,
  'config set': z.object({ file: zPath, name: z.string(), value: z.string() }),
  'config unset': z.object({ file: zPath, name: z.string(), wasSet: z.boolean() }),
  'config list': z.object({ file: zPath, settings: z.array(zOrigin) }),
  'config path': z.object({ file: zPath, exists: z.boolean() }),
  'plugin list': z.object({ plugins: z.array(zPlugin) }),
  'plugin add': zPlugin,
  'plugin remove': zPlugin.pick({ name: true, kind: true, at: true }),
  'plugin create': z.object({ dir: zPath, files: z.array(zPath), next: z.array(z.string()) }),
  completion: z.object({
    shell: z.enum(['bash', 'zsh', 'fish']),
    script: z.string(),
    install: z.string(),
  }),
  schema: z.record(z.string(), z.unknown()).meta({ description: 'a JSON Schema' }),
};
