/** Our own commands. */
import { fileURLToPath } from 'node:url';
import type { CommandRoot, Level } from './command-tree.ts';

/** Their folder. */
export const commandsDir = fileURLToPath(new URL('../commands/', import.meta.url));

/** The tree without any plugin. */
export function ownLevel(): Level {
  const own: CommandRoot = { dir: commandsDir, isPlugin: false };
  return { roots: [own] };
}
