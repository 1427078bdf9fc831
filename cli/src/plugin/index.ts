/**
 * Types for authors of plugins, as `@aitbc/cli/plugin`. A plugin needs nothing of it at run time: its default export is
 * a plain object.
 */
export type {
  ArgumentSpec,
  Command as PluginCommand,
  CommandEnd,
  Example,
  Group as PluginGroup,
  OptionSpec,
} from '../command/define-command.ts';
export type { Context } from '../context/context.ts';
export type { Out, Progress } from '../context/out.ts';
