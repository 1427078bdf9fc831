/**
 * Rules about arrows: who may import whom. An import points inward or stays where it is; apps meet
 * over the network only; inside Ring 0 there is one order, and nothing that stands side by side in it
 * knows the other.
 */
import {
  isBuiltin,
  isTestPath,
  packageDirOf,
  packageName,
  pathOf,
  resolveInside,
  ringOf,
} from './tree.mjs';

/**
 * Ring 0 from the inside out. A package may import only packages of a smaller number; a joint only those
 * siblings that it is there to join.
 */
const ORDER = { primitives: 0, protocol: 1, replica: 3 };
const OUTER_ORDER = 2;
const JOINTS = { replica: ['chain', 'consensus'] };

/** Every refused import and every refused dependency of a package.json. */
export function checkArrows(tree) {
  const problems = [];
  for (const file of tree.files.values()) {
    for (const one of file.imports) problems.push(...checkImport(file, one, tree));
  }
  for (const [dir, manifest] of tree.manifests)
    problems.push(...checkManifest(dir, manifest, tree));
  return problems;
}

function checkImport(file, one, tree) {
  const { specifier } = one;
  const at = { path: file.path, line: one.line };
  if (specifier.startsWith('.')) return checkRelative(file, one, tree);
  if (specifier.startsWith('#')) {
    const declared = tree.manifests.get(file.packageDir)?.imports?.[specifier] !== undefined;
    return declared ? [] : [undeclared(at, file, { name: specifier, field: 'imports' })];
  }
  if (isBuiltin(specifier)) return [];
  const name = packageName(specifier);
  const targetDir = tree.dirByName.get(name);
  if (targetDir === file.packageDir) return checkSelf(file, at, name);
  const arrow = targetDir && judgeArrow(file.packageDir, targetDir, file.isTest);
  if (arrow) return [{ ...at, ...arrow }];
  return isDeclared(file, one, { name, tree })
    ? []
    : [undeclared(at, file, { name, field: 'dependencies' })];
}

function checkRelative(file, one, tree) {
  const at = { path: file.path, line: one.line };
  const target = pathOf(file, one.specifier, tree);
  const targetDir = packageDirOf(target, tree.manifests);
  if (targetDir !== file.packageDir || target.startsWith('..')) {
    const arrow = judgeArrow(file.packageDir, targetDir, file.isTest);
    if (arrow) return [{ ...at, ...arrow }];
    return [
      {
        ...at,
        rule: 'relative-leaves-package',
        what: `"${one.specifier}" leaves ${file.packageDir}`,
        fix: 'import the other package by its name, through its exports',
      },
    ];
  }
  const outward = ringOf(target) > ringOf(file.path);
  if (outward) return [{ ...at, ...outwardArrow(file.path, target) }];
  return checkTarget(file, at, resolveInside(file, one.specifier, tree));
}

/** What holds for an import of a file in the same package. */
function checkTarget(file, at, targetPath) {
  if (targetPath === undefined || file.isTest) return [];
  if (isTestPath(targetPath)) {
    return [
      {
        ...at,
        rule: 'source-imports-test',
        what: `${targetPath} exists for tests only`,
        fix: 'move what is shared into a source file',
      },
    ];
  }
  return isOwnIndex(file, targetPath) ? [ownIndex(at, targetPath)] : [];
}

/** Any index of the own package, also a folder's: only the package's index may gather those. */
function isOwnIndex(file, targetPath) {
  return (
    /\/index\.[cm]?[jt]sx?$/.test(targetPath) && file.path !== `${file.packageDir}/src/index.ts`
  );
}

function checkSelf(file, at, name) {
  return file.isTest ? [] : [ownIndex(at, name)];
}

function ownIndex(at, target) {
  return {
    ...at,
    rule: 'own-index',
    what: `${target} is an index of this package itself`,
    fix: 'import the file that defines the name',
  };
}

/** The refusal of an arrow from one package folder to another, undefined when it is allowed. */
function judgeArrow(fromDir, toDir, isTest) {
  if (ringOf(toDir) > ringOf(fromDir)) return outwardArrow(fromDir, toDir);
  if (fromDir.startsWith('apps/') && toDir.startsWith('apps/') && appOf(fromDir) !== appOf(toDir)) {
    return {
      rule: 'app-imports-app',
      what: `${fromDir} reaches into ${toDir}`,
      fix: 'talk to the other daemon through @aitbc/sdk, or move the shared rule into packages/',
    };
  }
  if (isTest || ringOf(fromDir) !== 0 || ringOf(toDir) !== 0) return undefined;
  if (orderOf(toDir) < orderOf(fromDir) && joins(fromDir, toDir)) return undefined;
  return {
    rule: 'package-order',
    what: `${fromDir} → ${toDir} is not an inward arrow of Ring 0`,
    fix: 'move the shared words into packages/protocol, or join the two in an app',
  };
}

function appOf(dir) {
  return dir.split('/')[1];
}

/** False for a joint and a sibling that is none of its parts. */
function joins(fromDir, toDir) {
  const parts = JOINTS[fromDir.split('/')[1]];
  return orderOf(toDir) < OUTER_ORDER || !parts || parts.includes(toDir.split('/')[1]);
}

function orderOf(dir) {
  return ORDER[dir.split('/')[1]] ?? OUTER_ORDER;
}

function outwardArrow(from, to) {
  return {
    rule: 'outward-import',
    what: `${from} (Ring ${ringOf(from)}) → ${to} (Ring ${ringOf(to)})`,
    fix: 'turn the arrow: let the outer ring pass in what is needed',
  };
}

/**
 * Tests may use what the repository's top declares for development (the test runner), types may come
 * from a development dependency, and tooling at the top may use every workspace, since npm links
 * them all there.
 */
function isDeclared(file, one, { name, tree }) {
  const manifest = tree.manifests.get(file.packageDir) ?? {};
  const lists = [manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies];
  const atTop = file.packageDir === '.';
  const isConfig = /\.config\.[cm]?[jt]s$/.test(file.path); // of a tool that is not shipped
  if (file.isTest || one.typeOnly || atTop || isConfig) lists.push(manifest.devDependencies);
  if (file.isTest || ringOf(file.path) === 3) lists.push(tree.manifests.get('.')?.devDependencies);
  if (lists.some((list) => list?.[name] !== undefined)) return true;
  if (atTop) return tree.dirByName.has(name);
  return one.typeOnly && lists.some((list) => list?.[typesOf(name)] !== undefined);
}

function typesOf(name) {
  return `@types/${name.replace(/^@/, '').replace('/', '__')}`;
}

function undeclared(at, file, { name, field }) {
  const manifest = file.packageDir === '.' ? 'package.json' : `${file.packageDir}/package.json`;
  return {
    ...at,
    rule: 'undeclared-dependency',
    what: `"${name}" is not in ${manifest}`,
    fix: `add it to "${field}" there, with its exact version`,
  };
}

function checkManifest(dir, manifest, tree) {
  const problems = [];
  for (const field of ['dependencies', 'devDependencies', 'peerDependencies']) {
    for (const name of Object.keys(manifest[field] ?? {})) {
      const targetDir = tree.dirByName.get(name);
      if (targetDir === undefined || dir === '.') continue;
      const arrow = judgeArrow(dir, targetDir, field === 'devDependencies');
      const path = `${dir}/package.json`;
      if (arrow) problems.push({ path, line: 1, ...arrow });
    }
  }
  return problems;
}
