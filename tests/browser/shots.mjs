#!/usr/bin/env node
// Looks at a logdir with stock TensorBoard in Chromium: see USAGE.
import fs from 'node:fs';
import path from 'node:path';
import {parseArgs} from 'node:util';

import {DASHBOARDS} from './dashboards.mjs';
import {DOCS, shootForDocs, shootForReadme} from './docs.mjs';
import {Dashboard, launch} from './page.mjs';
import {activeTabs, expectedCards, startTensorBoard} from './tensorboard.mjs';
import {visitCards, visitGraphs, visitHparams, visitProjector} from './views.mjs';

const USAGE = `usage: shots.mjs LOGDIR OUTDIR [options]

Writes a picture of each dashboard to OUTDIR, and to standard output a JSON summary of what is wrong
with them: tabs that are not active, cards that are missing or empty or of another size, tables and
charts that lack something, canvases where nothing is drawn, errors of the page, requests that
failed.

  --load-fast true|false  TensorBoard's loader; default true
  --tabs A,B,...          default all: timeseries, graphs, scalars, histograms, distributions,
                          images, text, audio, pr_curves, custom_scalars, hparams, mesh, projector
  --nonfinite             some scalars are infinite or not numbers: the front end may say so
  --readme FILE           also writes a picture of the Scalars tab as it opens, for the README
  --docs FOLDER           writes one small picture of each tab for the manual, and looks no further
  --python PATH           an interpreter that has TensorBoard; default python3
  --chromium PATH         default /usr/bin/chromium

Status 0: all is shown.  1: it is not.  2: wrong usage, or something did not start.`;

const TABS_AT_ONCE = 2;

// Those without cards.
const VISITS = {graphs: visitGraphs, hparams: visitHparams, projector: visitProjector};

// Those that take the longest come first.
const TABS = [...new Set(['timeseries', 'graphs', ...Object.keys(DASHBOARDS),
  ...Object.keys(VISITS)])];

// What the front end says of a scalar that is infinite or not a number.
const NONFINITE_ERROR = /<path> attribute d: Expected number, .*(Infinity|NaN)/;

// Starts each of the two kinds of browser when it is needed.
class Browsers {
  constructor(chromium) {
    this.chromium = chromium;
    this.started = {};
  }

  for(tab) {
    const webgl = tab === 'projector' || Boolean(DASHBOARDS[tab]?.webgl);
    return this.started[webgl] ??= launch(this.chromium, {webgl});
  }

  async close() {
    for (const browser of Object.values(this.started)) await (await browser).close();
  }
}

async function visit(browsers, url, tab, {active, cards}, options) {
  const file = path.join(options.outdir, `${tab}.png`);
  const start = Date.now();
  if (!active.has(tab)) return {problems: ['TensorBoard has no data for it'], errors: []};
  const dashboard = await Dashboard.open(await browsers.for(tab), url, tab);
  let seen;
  try {
    seen = tab in VISITS ? await VISITS[tab](dashboard, url, file)
      : await visitCards(dashboard, tab, cards[tab], file);
    const chosen = (await dashboard.chosen()).trim();
    if (chosen.toLowerCase() !== active.get(tab).toLowerCase())
      seen.problems.push(`the page shows ${chosen}`);
  } catch (error) {
    seen = {problems: [String(error)]};
    await dashboard.shoot(file).catch(() => {});
  }
  await dashboard.close();
  const errors = dashboard.errors.filter(error =>
    !(options.nonfinite && NONFINITE_ERROR.test(error)));
  return {...seen, errors, seconds: Math.round((Date.now() - start) / 100) / 10};
}

// One after another, in two pages.
async function visitAll(browsers, url, options) {
  const expected = {active: await activeTabs(url), cards: await expectedCards(url)};
  const summary = {};
  const waiting = TABS.filter(tab => options.tabs.includes(tab));
  await Promise.all(Array.from({length: TABS_AT_ONCE}, async () => {
    for (let tab; (tab = waiting.shift()) !== undefined;)
      summary[tab] = await visit(browsers, url, tab, expected, options);
  }));
  console.log(JSON.stringify(summary, null, 2));
  return Object.values(summary).every(tab => !tab.problems.length && !tab.errors.length);
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
        docs: {type: 'string'},
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
  const server = await startTensorBoard(options.python, options.logdir, options['load-fast']);
  const browsers = new Browsers(options.chromium);
  try {
    if (options.docs) {
      fs.mkdirSync(options.docs, {recursive: true});
      await activeTabs(server.url);
      for (const tab of options.tabs.filter(tab => tab in DOCS))
        await shootForDocs(await browsers.for(tab), server.url, tab,
          path.join(options.docs, `${tab}.png`));
      return;
    }
    fs.mkdirSync(options.outdir, {recursive: true});
    process.exitCode = await visitAll(browsers, server.url, options) ? 0 : 1;
    if (options.readme)
      await shootForReadme(await browsers.for('scalars'), server.url, options.readme);
  } finally {
    await browsers.close();
    await server.stop();
  }
}

main().catch(error => {
  console.error(error);
  process.exitCode = 2;
});
