/**
 * Small plots without a library: panels under one another, logarithmic horizontal axis with a tick at every measured
 * point, vertical axis from zero, whiskers from the smallest to the largest round. Readable on light
 * and dark ground: the SVG carries its own colours for both.
 *
 *   node scripts/bench/plot.mjs docs/bench/validators.json      draws the plot of saved figures again
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { numberText } from './lib/statistics.mjs';

const size = { width: 720, panel: 250, left: 78, right: 24, top: 64, gap: 74, bottom: 84 };
const tickCount = 5;
const style = `
  :root { color-scheme: light dark; }
  .ground { fill: #ffffff; } text { fill: #1f2328; font: 13px system-ui, sans-serif; }
  .title { font-size: 16px; font-weight: 600; } .note { fill: #59636e; font-size: 12px; }
  .grid { stroke: #d1d9e0; } .line { fill: none; stroke: #0969da; stroke-width: 2; }
  .dot { fill: #0969da; } .whisker { stroke: #0969da; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; } text { fill: #f0f6fc; } .note { fill: #9198a1; } .grid { stroke: #3d444d; }
    .line, .whisker { stroke: #4493f8; } .dot { fill: #4493f8; }
  }`;

/** SVG text of `{ title, note, x: { label }, panels: [{ label, points: [{ x, median, min, max }] }] }`. */
export function svgOf({ title, note, x, panels }) {
  const height = size.top + panels.length * (size.panel + size.gap) - size.gap + size.bottom;
  const drawn = panels.map((panel, at) => panelOf(panel, size.top + at * (size.panel + size.gap)));
  const middle = (size.left + size.width - size.right) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" role="img">`,
    `<title>${escaped(title)}</title><style>${style}\n</style>`,
    `<rect class="ground" width="${size.width}" height="${height}"/>`,
    `<text class="title" x="${size.left}" y="26">${escaped(title)}</text>`,
    ...drawn,
    textAt({ x: middle, y: height - 36, anchor: 'middle', text: x.label }),
    textAt({ x: size.width - size.right, y: height - 12, anchor: 'end', text: note, kind: 'note' }),
    '</svg>\n',
  ].join('\n');
}

function panelOf({ label, points }, top) {
  const xs = points.map((point) => Math.log(point.x));
  const [first, span] = [xs[0], xs.at(-1) - xs[0] || 1];
  const width = size.width - size.left - size.right;
  const inset = 20;
  const xOf = (value) =>
    size.left + inset + ((Math.log(value) - first) / span) * (width - 2 * inset);
  const most = ceiling(Math.max(...points.map(({ max }) => max)));
  const yOf = (value) => top + size.panel * (1 - value / most);
  const path = points.map(({ x, median }) => `${fixed(xOf(x))},${fixed(yOf(median))}`).join(' ');
  return [
    textAt({ x: size.left, y: top - 12, text: label }),
    ...Array.from({ length: tickCount + 1 }, (_, at) => gridLine(yOf, (most / tickCount) * at)),
    `<polyline class="line" points="${path}"/>`,
    ...points.map((point) => pointOf(point, { xOf, yOf, bottom: top + size.panel })),
  ].join('\n');
}

/** The next round number: 1, 2, 2.5 or 5 times a power of ten. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value) ?? 10 * power;
}

function gridLine(yOf, value) {
  const y = fixed(yOf(value));
  const right = size.width - size.right;
  const line = `<line class="grid" x1="${size.left}" x2="${right}" y1="${y}" y2="${y}"/>`;
  return (
    line + textAt({ x: size.left - 8, y: Number(y) + 4, anchor: 'end', text: numberText(value) })
  );
}

function pointOf({ x, median, min, max }, { xOf, yOf, bottom }) {
  const at = fixed(xOf(x));
  const whisker = `<line class="whisker" x1="${at}" x2="${at}" y1="${fixed(yOf(min))}" y2="${fixed(yOf(max))}"/>`;
  const dot = `<circle class="dot" cx="${at}" cy="${fixed(yOf(median))}" r="4"/>`;
  const value = textAt({
    x: at,
    y: fixed(yOf(max) - 9),
    anchor: 'middle',
    text: numberText(median),
  });
  const tick = textAt({
    x: at,
    y: bottom + 20,
    anchor: 'middle',
    text: x.toLocaleString('en-US').replaceAll(',', ' '),
  });
  return whisker + dot + value + tick;
}

function textAt({ x, y, text, anchor = 'start', kind }) {
  const name = kind ? ` class="${kind}"` : '';
  return `<text${name} x="${x}" y="${y}" text-anchor="${anchor}">${escaped(text)}</text>`;
}

const fixed = (value) => value.toFixed(1);
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** CSV of rows of plain values; the first row is the heading. */
export function csvOf(rows) {
  const cell = (value) =>
    /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : value;
  return `${rows.map((row) => row.map(cell).join(',')).join('\n')}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const path of process.argv.slice(2)) {
    const svg = path.replace(/\.json$/, '.svg');
    writeFileSync(svg, svgOf(JSON.parse(readFileSync(path, 'utf8')).plot));
    console.log(`drawn: ${svg}`);
  }
}
