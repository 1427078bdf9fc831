/**
 * What a command is: data that help, parsing and completion are made of, and one function.
 *
 * A file in `commands/` exports one as its default, and its path is its name: `commands/wallet/send.ts` is
 * `aitbc wallet send`. A folder is a group; its `group.ts` exports the group's summary. Plugins have the
 * same shape and may be plain objects. Nothing here runs at import time, so that a list of commands
 * costs one import each.
 */
import type { Context } from '../context/context.ts';

/** A word behind the command. */
export interface ArgumentSpec {
  /** Key in `args`, camelCase. */
  readonly name: string;
  readonly help: string;
  /** Default true. */
  readonly required?: boolean;
  /** All the words that are left; only the last argument may be so. */
  readonly variadic?: true;
}

/** An option. Its key in `options` is its key in the table. */
export interface OptionSpec {
  /** In the words of commander: `--amount <ait>`, `-m, --model <name>`, `--wait`. */
  readonly flags: string;
  readonly help: string;
  readonly default?: string;
  readonly required?: boolean;
  readonly choices?: readonly string[];
  /** Turns the text into a value; throws AppError. The flag is for its message. */
  readonly parse?: (text: string, flag: string) => unknown;
}

/** A line that works when it is copied, and what it does. */
export interface Example {
  readonly line: string;
  readonly note: string;
}

/** The arguments by name: text, a list of texts, or undefined when they may be left out. */
export type ArgsOf<A extends readonly ArgumentSpec[]> = {
  readonly [S in A[number] as S['name']]: S['variadic'] extends true
    ? readonly string[]
    : S['required'] extends false
      ? string | undefined
      : string;
};

type GivenOption<S extends OptionSpec> = S['parse'] extends (text: string, flag: string) => infer T
  ? T
  : string;

type OptionValue<S extends OptionSpec> = S['flags'] extends `${string}<${string}`
  ? S extends { readonly default: string } | { readonly required: true }
    ? GivenOption<S>
    : GivenOption<S> | undefined
  : boolean;

/** The options by key: parsed text, undefined when not given, or a boolean for flags without value. */
export type OptionsOf<O extends Readonly<Record<string, OptionSpec>>> = {
  readonly [K in keyof O]: OptionValue<O[K]>;
};

/** Nothing, or an exit code. */
export type CommandEnd = Promise<void> | Promise<number>;

/** A command as its author writes it. */
export interface CommandDefinition<
  A extends readonly ArgumentSpec[],
  O extends Readonly<Record<string, OptionSpec>>,
> {
  /** One line, without a full stop. */
  readonly summary: string;
  /** What help adds below the summary. */
  readonly details?: string;
  readonly arguments?: A;
  readonly options?: O;
  readonly examples: readonly Example[];
  run(
    context: Context,
    input: { readonly args: ArgsOf<A>; readonly options: OptionsOf<O> },
  ): CommandEnd;
}

/** A command as the loader sees it. */
export interface Command {
  readonly summary: string;
  readonly details?: string;
  /** JSON Schema of what it prints with `--json`, for plugins; ours stand in `output/`. */
  readonly output?: Readonly<Record<string, unknown>>;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly Example[];
  run(
    context: Context,
    input: {
      readonly args: Readonly<Record<string, unknown>>;
      readonly options: Readonly<Record<string, unknown>>;
    },
  ): CommandEnd;
}

/** A folder of commands. */
export interface Group {
  /** One line, without a full stop. */
  readonly summary: string;
}

/** Types a command: arguments and options arrive in `run` as they are declared. */
export function defineCommand<
  const A extends readonly ArgumentSpec[] = readonly [],
  const O extends Readonly<Record<string, OptionSpec>> = Readonly<Record<never, OptionSpec>>,
>(definition: CommandDefinition<A, O>): Command {
  return definition as unknown as Command;
}

/** Types a group. */
export function defineGroup(group: Group): Group {
  return group;
}
