/**
 * Import cycles between files. Imports marked `type` are left out: they vanish before the program
 * runs, so they can neither change the order of loading nor see a half-loaded module.
 */
import { resolveInside } from './tree.mjs';

/** One problem per cycle, named by its files in order of import. */
export function checkCycles(tree) {
  const graph = graphOf(tree);
  const problems = [];
  for (const members of strongComponents(graph)) {
    const start = members.toSorted()[0];
    const path = shortestCycle(graph, start, new Set(members));
    if (path === undefined) continue;
    problems.push({
      path: start,
      line: lineOfImport(tree, start, path[1]),
      rule: 'import-cycle',
      what: path.join(' → '),
      fix: 'move what both need into a third file, or pass it as an argument',
    });
  }
  return problems;
}

function graphOf(tree) {
  const graph = new Map();
  for (const file of tree.files.values()) {
    const targets = new Set();
    for (const one of file.imports) {
      const target = one.typeOnly ? undefined : resolveInside(file, one.specifier, tree);
      if (target !== undefined) targets.add(target);
    }
    graph.set(file.path, targets);
  }
  return graph;
}

/**
 * Groups of files that all reach each other (Kosaraju: order files by when their search ends, then
 * collect along turned arrows in the opposite order). Without recursion, so depth has no limit.
 */
function strongComponents(graph) {
  const turned = new Map([...graph.keys()].map((node) => [node, []]));
  for (const [node, targets] of graph) for (const target of targets) turned.get(target).push(node);
  const seen = new Set();
  const groups = [];
  for (const node of endOrder(graph).reverse()) {
    if (seen.has(node)) continue;
    const group = [node];
    seen.add(node);
    for (const member of group) {
      for (const source of turned.get(member)) {
        if (seen.has(source)) continue;
        seen.add(source);
        group.push(source);
      }
    }
    groups.push(group);
  }
  return groups;
}

function endOrder(graph) {
  const ended = [];
  const seen = new Set();
  for (const root of graph.keys()) {
    if (seen.has(root)) continue;
    seen.add(root);
    const stack = [[root, graph.get(root).values()]];
    while (stack.length > 0) {
      const [node, targets] = stack.at(-1);
      const { value, done } = targets.next();
      if (done) {
        ended.push(node);
        stack.pop();
      } else if (!seen.has(value)) {
        seen.add(value);
        stack.push([value, graph.get(value).values()]);
      }
    }
  }
  return ended;
}

/** The shortest way from a file back to itself inside a group; undefined when there is none. */
function shortestCycle(graph, start, group) {
  const cameFrom = new Map();
  const queue = [start];
  for (const node of queue) {
    for (const target of graph.get(node)) {
      if (target === start) return [...wayTo(node, cameFrom), start];
      if (!group.has(target) || cameFrom.has(target)) continue;
      cameFrom.set(target, node);
      queue.push(target);
    }
  }
  return undefined;
}

function wayTo(node, cameFrom) {
  const way = [node];
  while (cameFrom.has(way[0])) way.unshift(cameFrom.get(way[0]));
  return way;
}

function lineOfImport(tree, path, target) {
  const file = tree.files.get(path);
  const one = file.imports.find(({ specifier }) => resolveInside(file, specifier, tree) === target);
  return one?.line ?? 1;
}
