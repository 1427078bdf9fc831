/**
 * The part of TOML that config.toml needs: one `name = "text"` a line, `true` and `false`, comments. Read and edited
 * line by line, so that comments and order of the owner stay; a TOML library would write the file anew.
 *
 * Not understood, and refused with the number of the line: tables, arrays, numbers, texts over several lines.
 */

/** One line: a setting, or anything else that is kept as it is. */
export interface TomlLine {
  readonly text: string;
  readonly name: string | undefined;
  /** The value; a switch as `true` or `false`. */
  readonly value: string | undefined;
}

const linePattern = /^\s*(?:"([^"\\]*)"|([A-Za-z0-9_-]+))\s*=\s*(.*)$/s;
const valuePattern = /^(?:("(?:[^"\\]|\\.)*")|'([^']*)'|(true|false))\s*(?:#.*)?$/s;

/** The lines of a file, or the first that is not understood. */
export function readLines(text: string): readonly TomlLine[] | { readonly fault: string } {
  const lines: TomlLine[] = [];
  const seen = new Set<string>();
  for (const [at, line] of text.replace(/\n$/, '').split(/\r?\n/).entries()) {
    const read = readLine(line);
    if (!read) return { fault: `line ${at + 1} is no setting such as: name = "value"` };
    if (read.name !== undefined && seen.has(read.name)) {
      return { fault: `line ${at + 1} sets ${read.name} a second time` };
    }
    if (read.name !== undefined) seen.add(read.name);
    lines.push(read);
  }
  return lines;
}

function readLine(text: string): TomlLine | undefined {
  if (/^\s*(#.*)?$/s.test(text)) return { text, name: undefined, value: undefined };
  const [, quoted, bare, rest = ''] = linePattern.exec(text) ?? [];
  const name = quoted ?? bare;
  const [, basic, literal, flag] = valuePattern.exec(rest) ?? [];
  const value = basic === undefined ? (literal ?? flag) : basicText(basic);
  return name === undefined || value === undefined ? undefined : { text, name, value };
}

/** A text in double quotes: the escapes of JSON are among those of TOML. */
function basicText(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}

/** The lines with this setting changed in its place, or added at the end. */
export function withSetting(
  lines: readonly TomlLine[],
  name: string,
  { value, isBare }: { readonly value: string; readonly isBare: boolean },
): readonly TomlLine[] {
  const text = `${name} = ${isBare ? value : JSON.stringify(value)}`;
  const line: TomlLine = { text, name, value };
  if (!lines.some((known) => known.name === name)) return [...lines, line];
  return lines.map((known) => (known.name === name ? line : known));
}

/** The text of the file. */
export function textOf(lines: readonly TomlLine[]): string {
  const kept = lines
    .map(({ text }) => text)
    .join('\n')
    .replace(/^\n+/, '');
  return kept === '' ? '' : `${kept}\n`;
}
