// What each tab must show: the functions look at one and tell what is wrong with it.
import {DASHBOARDS} from './dashboards.mjs';
import {expectedGraphs, expectedHparams, expectedTensors} from './tensorboard.mjs';

// More than a background and one line.
const FEWEST_COLORS = 3;

const named = (file, name) => file.replace(/\.png$/, `-${name}.png`);

export async function visitCards(dashboard, tab, expected, file) {
  const {cards, read} = DASHBOARDS[tab];
  await dashboard.page.locator(cards).first().waitFor();
  if (expected.size > 12) await dashboard.showAllOfGroups();
  const drawn = new Map();
  let pictures = 0;
  do {
    await dashboard.openGroups();
    pictures++;
    const picture = pictures === 1 ? file : named(file, pictures);
    await dashboard.shoot(picture);
    const found = await dashboard.page.locator(cards).evaluateAll(read);
    await lookAtCanvases(dashboard, found.filter(card => 'canvas' in card), picture);
    for (const card of found)
      drawn.set(card.key, card.drawn || drawn.get(card.key));
  } while (await dashboard.scrollDown());
  return {cards: drawn.size, pictures, problems: compareCards(drawn, expected)};
}

// Fills |drawn|.  What WebGL draws comes late.
async function lookAtCanvases(dashboard, cards, file) {
  const seen = cards.filter(card => card.canvas);
  const colors = seen.length > 0
    ? await dashboard.waitForColors(seen.map(card => card.canvas), FEWEST_COLORS, file) : [];
  seen.forEach((card, i) => { card.drawn = colors[i] >= FEWEST_COLORS; });
}

function compareCards(drawn, expected) {
  const problems = [];
  for (const [key, wanted] of expected) {
    const found = drawn.get(key);
    if (!drawn.has(key)) problems.push(`no card: ${key}`);
    else if (wanted && !found) problems.push(`empty card: ${key}`);
    else if (typeof wanted === 'string' && found !== wanted)
      problems.push(`card of ${found}, not ${wanted}: ${key}`);
  }
  for (const key of drawn.keys()) if (!expected.has(key)) problems.push(`unknown card: ${key}`);
  return problems;
}

// Every graph, with all of its scopes open.
export async function visitGraphs(dashboard, url, file) {
  const problems = [];
  let count = 0;
  for (const graph of await expectedGraphs(url)) {
    await showGraph(dashboard, graph);
    const name = [graph.run, ...(graph.view === 'Op graph' ? [] : [graph.tag])].join('-');
    await dashboard.shoot(named(file, name.replace(/[^\w-]+/g, '_')));
    const {nodes, wrong} = await lookAtGraph(dashboard, graph);
    count += nodes;
    problems.push(...wrong.map(problem => `${graph.run}, ${graph.tag}, ${graph.view}: ${problem}`));
  }
  return {nodes: count, problems};
}

async function showGraph(dashboard, {run, tag, view}) {
  await dashboard.page.locator('g.node').first().waitFor();
  await dashboard.choose('.runs-row paper-item', run);
  await dashboard.settle();
  await dashboard.choose('.tags-row paper-item', tag);
  await dashboard.settle();
  await dashboard.choose('paper-radio-button', view);
  await dashboard.settle();
  await dashboard.page.locator('g.node').first().waitFor();
  await dashboard.openScopes();
  if (view === 'Profile') await dashboard.choose('paper-radio-button', 'Compute time');
  await dashboard.fitGraph();
}

async function lookAtGraph(dashboard, {names, costs}) {
  const fills = new Map(await dashboard.page.locator('g.node').evaluateAll(nodes =>
    nodes.filter(isVisible).map(node => [node.dataset.name,
      getComputedStyle(node.querySelector('.nodeshape :is(rect, ellipse, use)') ?? node).fill])));
  const wrong = names.filter(name => !fills.has(name)).map(name => `no node ${name}`);
  const colors = new Set(costs.map(name => fills.get(name)));
  if (costs.length > 1 && colors.size < 2) wrong.push('its nodes do not differ in colour');
  if (await dashboard.page.locator('g.edge path').count() === 0) wrong.push('no edges');
  return {nodes: fills.size, wrong};
}

export async function visitHparams(dashboard, url, file) {
  const {columns, metrics, rows} = await expectedHparams(url);
  const {page} = dashboard;
  await page.locator('vaadin-grid').first().waitFor();
  await dashboard.settle();
  await dashboard.shoot(file);
  const problems = compareTable(await page.locator('vaadin-grid').evaluate(readTable),
    columns, rows);

  const count = async (selector, wanted, what) => {
    const found = await page.locator(selector).evaluateAll(marks =>
      marks.filter(isVisible).length);
    if (found !== wanted) problems.push(`${found} ${what}, not ${wanted}`);
  };
  await page.locator('paper-tab', {hasText: 'Parallel Coordinates'}).click();
  await page.locator('g.foreground path').first().waitFor();
  await dashboard.settle();
  await dashboard.shoot(named(file, 'parallel'));
  await count('g.foreground path', rows.size, 'lines');
  await count('g.axis-parent', columns.length, 'axes');

  await page.locator('paper-tab', {hasText: 'Scatter Plot Matrix'}).click();
  await page.locator('circle.data-marker').first().waitFor();
  await dashboard.settle();
  await dashboard.shoot(named(file, 'scatter'));
  await count('circle.data-marker', rows.size * metrics * columns.length, 'points');
  return {rows: rows.size, columns: columns.length, problems};
}

// Runs in the browser: the rows of a grid as lists of texts, its header first.
function readTable(grid) {
  const left = cell => cell.getBoundingClientRect().left;
  const cells = deepAll(grid, 'vaadin-grid-cell-content').filter(isVisible);
  const rows = Map.groupBy(cells, cell => cell.assignedSlot.closest('tr'));
  return [...rows.values()].map(row => row.sort((a, b) => left(a) - left(b))
    .map(cell => cell.textContent.trim()));
}

function compareTable([header = [], ...table], columns, rows) {
  const problems = [];
  const found = new Map(table.map(([name, , ...cells]) => [name, cells]));
  if (header.slice(2).join() !== columns.join())
    problems.push(`columns ${header.slice(2)}, not ${columns}`);
  if (found.size !== rows.size) problems.push(`${found.size} rows, not ${rows.size}`);
  for (const [name, values] of rows) {
    const cells = found.get(name) ?? [];
    values.forEach((value, i) => {
      if (!shows(cells[i], value)) problems.push(`${name}: ${cells[i]}, not ${value}`);
    });
  }
  return problems;
}

// Cells have five digits of a number.
function shows(cell, value) {
  if (typeof value !== 'number') return cell === String(value ?? '');
  return Math.abs(Number(cell) - value) <= 1e-4 * Math.abs(value);
}

export async function visitProjector(dashboard, url, file) {
  const tensors = await expectedTensors(url);
  const severalRuns = new Set(tensors.map(({run}) => run)).size > 1;
  const problems = [];
  const frame = await dashboard.frame('projector_binary.html');
  for (const {run, name, shape} of tensors) {
    if (severalRuns) await choose(frame, run);
    await choose(frame, name);
    await frame.waitForFunction(([points, dimensions]) =>
      new RegExp(`Points:\\s*${points}\\b.*Dimension:\\s*${dimensions}\\b`, 's')
        .test(deepAll(document, 'vz-projector')[0]?.shadowRoot.textContent), shape);
    await dashboard.settle();
    const canvas = await frame.locator('canvas').first().boundingBox();
    const [colors] = await dashboard.waitForColors([canvas], FEWEST_COLORS,
      name === tensors[0].name ? file : named(file, name.replace(/\W+/g, '_')));
    if (colors < FEWEST_COLORS) problems.push(`${name}: nothing is drawn`);
  }
  return {tensors: tensors.length, problems};
}

// An item of a list in the projector's left panel, which may have a remark after its name.
async function choose(frame, name) {
  await frame.waitForFunction(name => {
    const item = deepAll(document, 'vz-projector-data-panel').flatMap(panel =>
      deepAll(panel, 'paper-item')).find(item => item.textContent.trim().split(/\s{2,}/)[0] === name);
    item?.click();
    return item !== undefined;
  }, name);
}
