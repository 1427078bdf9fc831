/**
 * The tour as a list of steps. Its blocks are shell, and a reader may paste them; here a small part of the shell is
 * understood, and everything else is an error, so that no line of the page goes untested:
 *
 *   NAME=word · NAME=$(aitbc … --json | jq -r .a.b[0]) · echo 'text' > file · echo 'text' | aitbc … · aitbc … # exit 6
 *
 * A block of kind `sh terminal` holds a command that goes on: it is stopped when it has said something. One of kind
 * `sh terminal stays` goes on until a later line `# Ctrl-C`, or until `aitbc down` has ended it.
 */

/** What ends a command. */
export type Ending = 'itself' | 'first output' | 'Ctrl-C';

/** One line of the tour. */
export type Step =
  | { readonly kind: 'set'; readonly name: string; readonly value: string }
  | { readonly kind: 'write'; readonly text: string; readonly file: string }
  | { readonly kind: 'stop' }
  | {
      readonly kind: 'run';
      readonly line: string;
      /** Words behind `aitbc`, with variables in them. */
      readonly words: readonly string[];
      readonly stdin: string;
      /** Name of a variable and the way to its value in the JSON. */
      readonly takes: { readonly name: string; readonly path: readonly string[] } | undefined;
      readonly exitCode: number;
      /** Whether it ends by itself, when it has said something, or when it is stopped. */
      readonly until: Ending;
    };

/** A command of the tour. */
export type RunStep = Extract<Step, { kind: 'run' }>;

const blockPattern = /^```sh( terminal(?: stays)?)?\n([\s\S]*?)^```$/gm;

/** The steps of the page in their order. */
export function readTour(page: string): Step[] {
  return [...page.matchAll(blockPattern)].flatMap(([, terminal, text = '']) =>
    text
      .split('\n')
      .filter((line) => line.trim() !== '' && (line === ctrlC || !line.startsWith('#')))
      .map((line) => stepOf(line, endings[terminal ?? ''] ?? 'itself')),
  );
}

const ctrlC = '# Ctrl-C';
const endings: Readonly<Record<string, Ending>> = {
  ' terminal': 'first output',
  ' terminal stays': 'Ctrl-C',
};

function stepOf(line: string, until: Ending): Step {
  if (line === ctrlC) return { kind: 'stop' };
  const [, taken, call, path = ''] =
    /^(\w+)=\$\((aitbc .*) --json \| jq -r (\S+)\)$/.exec(line) ?? [];
  if (taken !== undefined && call !== undefined) {
    const takes = { name: taken, path: path.split(/[.[\]]+/).filter((part) => part !== '') };
    return { ...runStep(call, line), takes };
  }
  const [, name, value] = /^(\w+)=(\S+)$/.exec(line) ?? [];
  if (name !== undefined && value !== undefined) return { kind: 'set', name, value };
  const [, text, file] = /^echo '([^']*)' > (\S+)$/.exec(line) ?? [];
  if (text !== undefined && file !== undefined) return { kind: 'write', text, file };
  const [, stdin, piped] = /^echo '([^']*)' \| (aitbc .*)$/.exec(line) ?? [];
  if (stdin !== undefined && piped !== undefined) return { ...runStep(piped, line), stdin };
  if (line.startsWith('aitbc ')) return { ...runStep(line, line), until };
  throw new Error(`the tour has a line that is not understood: ${line}`);
}

function runStep(call: string, line: string): RunStep {
  const [, command = call, code = '0'] = /^(.*?)\s+# exit (\d+)$/.exec(call) ?? [];
  const text = command.replace(/\s+#.*$/, '');
  const words = [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word).slice(1);
  return {
    ...{ kind: 'run', line, words, stdin: '', takes: undefined, until: 'itself' },
    exitCode: Number(code),
  };
}

/** A word as the shell hands it over. */
export function expand(word: string, variables: ReadonlyMap<string, string>, home: string): string {
  return word
    .replace(/^~(?=\/)/, home)
    .replace(/'[^']*'|"[^"]*"|[^'"]+/g, (part) =>
      part.startsWith("'") ? part.slice(1, -1) : withValues(part.replaceAll('"', ''), variables),
    );
}

function withValues(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$(\w+)/g, (_all, name: string) => {
    const value = variables.get(name);
    if (value === undefined) throw new Error(`the tour uses $${name} before it is set`);
    return value;
  });
}

/** What stands at a path of JSON. */
export function valueAt(value: unknown, path: readonly string[]): string {
  const found = path.reduce<unknown>(
    (part, key) => (part as Readonly<Record<string, unknown>> | undefined)?.[key],
    value,
  );
  if (typeof found === 'string' || typeof found === 'number') return String(found);
  throw new Error(`there is no ${path.join('.')} in ${JSON.stringify(value)?.slice(0, 300)}`);
}
