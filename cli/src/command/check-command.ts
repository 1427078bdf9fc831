/** What the default export of a command file must look like. Plugins are written by others, in plain JavaScript. */

const namePattern = /^[a-z][A-Za-z0-9]*$/;
const flagsPattern = /^(-[A-Za-z], )?--[a-z][a-z0-9-]*( <[^<>]+>)?$/;

/** What is wrong with it as a command, in words behind its name; undefined when nothing is. */
export function commandFault(value: unknown): string | undefined {
  const command = partsOf(value);
  if (typeof command.summary !== 'string' || typeof command.run !== 'function') {
    return 'its default export has no summary and run()';
  }
  if (command.details !== undefined && typeof command.details !== 'string') {
    return 'its details are no text';
  }
  return (
    argumentsFault(command.arguments) ??
    optionsFault(command.options) ??
    examplesFault(command.examples)
  );
}

function argumentsFault(list: unknown): string | undefined {
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) return 'its arguments are no list';
  const wrong = list.findIndex((entry) => {
    const { name, help } = partsOf(entry);
    return typeof name !== 'string' || !namePattern.test(name) || typeof help !== 'string';
  });
  return wrong < 0 ? undefined : `its argument ${wrong + 1} needs a camelCase name and a help text`;
}

function optionsFault(table: unknown): string | undefined {
  if (table === undefined) return undefined;
  if (typeof table !== 'object' || table === null || Array.isArray(table)) {
    return 'its options are no table';
  }
  for (const [key, entry] of Object.entries(table)) {
    const fault = optionFault(partsOf(entry));
    if (fault !== undefined) return `its option ${key} ${fault}`;
  }
  return undefined;
}

function optionFault(option: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof option.flags !== 'string' || !flagsPattern.test(option.flags)) {
    return 'needs flags such as "--count <n>" or "-l, --loud"';
  }
  if (typeof option.help !== 'string') return 'needs a help text';
  if (option.parse !== undefined && typeof option.parse !== 'function')
    return 'has a parse that is no function';
  if (option.choices !== undefined && !isListOfTexts(option.choices))
    return 'has choices that are no texts';
  return undefined;
}

function examplesFault(list: unknown): string | undefined {
  if (list === undefined) return undefined;
  const isFine =
    Array.isArray(list) &&
    list.every((entry) => {
      const { line, note } = partsOf(entry);
      return typeof line === 'string' && typeof note === 'string';
    });
  return isFine ? undefined : 'its examples need a line and a note each';
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function partsOf(value: unknown): Readonly<Record<string, unknown>> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null
    ? (value as Record<string, unknown>)
    : {};
}
