#!/usr/bin/env node
// Looks at a logdir with stock TensorBoard in Chromium: see USAGE.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {parseArgs} from 'node:util';

import {DASHBOARDS, inPage} from './dashboards.mjs';
import {expectedCards, expectedNodes, startTensorBoard} from './tensorboard.mjs';

// By require, since import does not look into NODE_PATH.
const {chromium} = createRequire(import.meta.url)('playwright-core');

const USAGE = `usage: shots.mjs LOGDIR OUTDIR [options]

Writes a picture of each dashboard to OUTDIR, and to standard output a JSON summary of what is wrong
with them: cards that are missing or empty, errors of the page, requests that failed.

  --load-fast true|false  TensorBoard's loader; default true
  --tabs A,B,...          default all: scalars, timeseries, histograms, distributions, images,
                          graphs, text
  --nonfinite             some scalars are infinite or not numbers: the front end may say so
  --readme FILE           also writes a picture of the Scalars tab as it opens, for the README
  --python PATH           an interpreter that has TensorBoard; default python3
  --chromium PATH         default /usr/bin/chromium

Status 0: all is shown.  1: it is not.  2: wrong usage, or something did not start.`;

const TABS = [...Object.keys(DASHBOARDS), 'graphs'];
const WIDTH = 1600;
const HEIGHT = 1100;
const MAX_HEIGHT = 5000; // of one picture
const TAB_SECONDS = 90;
const TABS_AT_ONCE = 2;

// What the front end says of a scalar that is infinite or not a number.
const NONFINITE_ERROR = /<path> attribute d: Expected number, .*(Infinity|NaN)/;

const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

// A tab of its own in the browser that remembers what went wrong.
class Dashboard {
  constructor(page, deadline) {
    this.page = page;
    this.deadline = deadline;
    this.errors = [];
    this.requests = 0;
    this.quietSince = Date.now();
    page.on('console', message => message.type() === 'error' && this.note(message.text()));
    page.on('pageerror', error => this.note(String(error)));
    page.on('response', response => response.status() >= 400 &&
      this.note(`HTTP ${response.status()}: ${response.url()}`));
    page.on('request', () => this.count(1));
    page.on('requestfinished', () => this.count(-1));
    page.on('requestfailed', () => this.count(-1));
  }

  static async open(browser, url, tab, window = {viewport: {width: WIDTH, height: HEIGHT}}) {
    const context = await browser.newContext(window);
    const page = await context.newPage();
    const dashboard = new Dashboard(page, Date.now() + TAB_SECONDS * 1000);
    page.setDefaultTimeout(TAB_SECONDS * 1000);
    await page.addInitScript(inPage);
    await page.goto(`${url}/#${tab}`);
    await page.locator('plugins-component').waitFor();
    return dashboard;
  }

  close() { return this.page.context().close(); }

  note(error) {
    this.errors.push(error.slice(0, 300));
  }

  count(change) {
    this.requests += change;
    this.quietSince = Date.now();
  }

  // Waits until nothing is loaded and the page looks the same twice.
  async settle() {
    let before;
    while (Date.now() < this.deadline) {
      await sleep(250);
      if (this.requests > 0 || Date.now() - this.quietSince < 400) continue;
      const now = await this.page.evaluate(() => busy() ? null
        : `${deepAll(document, '*').length} ${deepAll(document, 'path[d]:not([d=""])').length} ` +
          document.documentElement.outerHTML.length);
      if (now !== null && now === before) return;
      before = now;
    }
    throw new Error(`still busy after ${TAB_SECONDS} s`);
  }

  // Makes the window as high as what it scrolls, since cards out of sight are not drawn.
  async grow() {
    for (let i = 0; i < 5; i++) {
      const hidden = await this.page.evaluate(() => hiddenBelow().pixels);
      const {width, height} = this.page.viewportSize();
      if (hidden === 0 || height >= MAX_HEIGHT) return;
      await this.page.setViewportSize({width, height: Math.min(MAX_HEIGHT, height + hidden)});
      await this.settle();
    }
  }

  // To the next window full of cards.  False at the end.
  scrollDown() {
    return this.page.evaluate(() => {
      const {scroller, pixels} = hiddenBelow();
      scroller?.scrollBy({top: scroller.clientHeight - 200, behavior: 'instant'});
      return pixels > 0;
    });
  }

  // A group shows 12 cards at a time unless told to show more.
  async showAllOfGroups() {
    await this.page.locator('settings-button button').click();
    await this.page.locator('input.page-size').fill('1000');
    await sleep(700); // the field waits for more digits
    await this.page.keyboard.press('Escape');
    await this.page.locator('input.page-size').waitFor({state: 'detached'});
  }

  // Opening a group makes the page longer, and further groups appear.
  async openGroups() {
    for (;;) {
      await this.settle();
      await this.grow();
      const opened = await this.page.evaluate(() => {
        const headings = deepAll(document, 'tf-category-paginated-view')
          .filter(group => isVisible(group) && !group.opened)
          .map(group => group.shadowRoot.querySelector('.heading'))
          .concat(deepAll(document, 'button.group-toolbar[aria-label="Expand group"]')
            .filter(button => !deepAll(button.closest('.card-group'), '.card-grid').length));
        for (const heading of headings) heading.click();
        return headings.length;
      });
      if (opened === 0) return;
    }
  }

  // Not the calls of functions: their bodies stand in a part of the picture of their own.
  async openScopes() {
    for (let depth = 0; depth < 8; depth++) {
      const opened = await this.page.evaluate(() => {
        const scopes = deepAll(document, 'g.node.meta').filter(node =>
          isVisible(node) && !node.__data__.expanded && !node.opened &&
          !node.__data__.node.associatedFunction);
        for (const node of scopes) {
          node.opened = true;
          node.querySelector('.nodeshape rect')
            .dispatchEvent(new MouseEvent('dblclick', {bubbles: true, view: window}));
        }
        return scopes.length;
      });
      if (opened === 0) return;
      await sleep(800); // the layout moves
    }
  }

  async choose(item) {
    await this.page.evaluate(text => deepAll(document, '.runs-row paper-item')
      .find(element => element.textContent.trim() === text).click(), item);
  }

  shoot(file) {
    return this.page.screenshot({path: file, animations: 'disabled'});
  }
}

async function visitCards(dashboard, tab, expected, file) {
  const {cards, read} = DASHBOARDS[tab];
  if (expected.size === 0) {
    await dashboard.settle();
    await dashboard.shoot(file);
    return {problems: ['TensorBoard has no data for it']};
  }
  await dashboard.page.locator(cards).first().waitFor();
  await dashboard.showAllOfGroups();
  const drawn = new Map();
  let pictures = 0;
  do {
    await dashboard.openGroups();
    pictures++;
    await dashboard.shoot(pictures === 1 ? file : file.replace(/\.png$/, `-${pictures}.png`));
    for (const card of await dashboard.page.locator(cards).evaluateAll(read))
      drawn.set(card.key, Math.max(card.drawn, drawn.get(card.key) ?? 0));
  } while (await dashboard.scrollDown());
  return {cards: drawn.size, pictures, problems: compareCards(drawn, expected)};
}

function compareCards(drawn, expected) {
  const problems = [];
  for (const [key, hasData] of expected) {
    if (!drawn.has(key)) problems.push(`no card: ${key}`);
    else if (hasData && drawn.get(key) === 0) problems.push(`empty card: ${key}`);
  }
  for (const key of drawn.keys()) if (!expected.has(key)) problems.push(`unknown card: ${key}`);
  return problems;
}

// Every run's graph, with all of its scopes open.
async function visitGraphs(dashboard, graphs, file) {
  const problems = graphs.size > 0 ? [] : ['TensorBoard has no graph'];
  let count = 0;
  for (const [run, names] of graphs) {
    await dashboard.page.locator('g.node').first().waitFor();
    await dashboard.choose(run);
    await dashboard.settle();
    await dashboard.openScopes();
    await dashboard.page.locator('tf-graph-controls paper-button', {hasText: 'Fit to screen'})
      .click();
    await sleep(1000);
    await dashboard.settle();
    await dashboard.shoot(file.replace(/\.png$/, `-${run.replace(/\W+/g, '_')}.png`));
    const drawn = await dashboard.page.locator('g.node').evaluateAll(nodes =>
      nodes.filter(isVisible).map(node => node.dataset.name));
    count += drawn.length;
    for (const name of names) if (!drawn.includes(name)) problems.push(`${run}: no node ${name}`);
    const edges = await dashboard.page.locator('g.edge path').count();
    if (edges === 0) problems.push(`${run}: no edges`);
  }
  return {nodes: count, problems};
}

async function visit(browser, url, tab, expected, options) {
  const file = path.join(options.outdir, `${tab}.png`);
  const start = Date.now();
  const dashboard = await Dashboard.open(browser, url, tab);
  let seen;
  try {
    seen = tab === 'graphs' ? await visitGraphs(dashboard, await expectedNodes(url), file)
      : await visitCards(dashboard, tab, expected[tab], file);
  } catch (error) {
    seen = {problems: [String(error)]};
    await dashboard.shoot(file).catch(() => {});
  }
  await dashboard.close();
  const errors = dashboard.errors.filter(error =>
    !(options.nonfinite && NONFINITE_ERROR.test(error)));
  return {...seen, errors, seconds: Math.round((Date.now() - start) / 100) / 10};
}

// The Scalars tab as it opens, in a narrow window so that its charts are large: 1600 pixels wide.
async function shootForReadme(browser, url, file) {
  const dashboard = await Dashboard.open(browser, url, 'scalars',
    {viewport: {width: 1143, height: 500}, deviceScaleFactor: 1.4});
  await dashboard.page.locator(DASHBOARDS.scalars.cards).first().waitFor();
  await dashboard.settle();
  await dashboard.grow();
  await dashboard.shoot(file);
  await dashboard.close();
}

function parse() {
  try {
    const {values, positionals} = parseArgs({
      allowPositionals: true,
      options: {
        'load-fast': {type: 'string', default: 'true'},
        tabs: {type: 'string', default: TABS.join(',')},
        nonfinite: {type: 'boolean', default: false},
        readme: {type: 'string'},
        python: {type: 'string', default: 'python3'},
        chromium: {type: 'string', default: '/usr/bin/chromium'},
      },
    });
    const tabs = values.tabs.split(',');
    if (positionals.length === 2 && tabs.every(tab => TABS.includes(tab)))
      return {...values, tabs, logdir: positionals[0], outdir: positionals[1]};
  } catch { /* an unknown option */ }
  console.error(USAGE);
  process.exit(2);
}

async function main() {
  const options = parse();
  fs.mkdirSync(options.outdir, {recursive: true});
  const server = await startTensorBoard(options.python, options.logdir, options['load-fast']);
  let browser;
  try {
    browser = await chromium.launch({
      executablePath: options.chromium,
      // Without WebGL the charts are SVG, whose lines can be counted.
      args: ['--no-sandbox', '--disable-gpu', '--disable-3d-apis', '--hide-scrollbars',
        '--disable-background-networking', '--disable-component-update', '--no-first-run'],
    });
    const expected = await expectedCards(server.url);
    const summary = {};
    const waiting = [...options.tabs];
    await Promise.all(Array.from({length: TABS_AT_ONCE}, async () => {
      for (let tab; (tab = waiting.shift()) !== undefined;)
        summary[tab] = await visit(browser, server.url, tab, expected, options);
    }));
    if (options.readme) await shootForReadme(browser, server.url, options.readme);
    console.log(JSON.stringify(summary, null, 2));
    const good = Object.values(summary).every(tab => !tab.problems.length && !tab.errors.length);
    process.exitCode = good ? 0 : 1;
  } finally {
    await browser?.close();
    await server.stop();
  }
}

main().catch(error => {
  console.error(error);
  process.exitCode = 2;
});
