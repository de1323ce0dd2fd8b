#!/usr/bin/env node
// Looks at the videos of a logdir in Chromium: see USAGE.
import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {createRequire} from 'node:module';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';

import {inPage} from './dashboards.mjs';
import {startTensorBoard} from './tensorboard.mjs';

// By require, since import does not look into NODE_PATH.
const {chromium} = createRequire(import.meta.url)('playwright-core');

const USAGE = `usage: videos.mjs LOGDIR [options]

Checks that Chromium decodes the pictures of the tag groups "video" and "gif" to the same frames and
durations as Pillow, and that those of "video" play in TensorBoard's Images tab.

  --load-fast true|false  TensorBoard's loader; default true
  --picture FILE          also writes a picture of the tab
  --python PATH           an interpreter that has TensorBoard and Pillow; default python3
  --chromium PATH         default /usr/bin/chromium

Status 0: all well.  1: not.  2: wrong usage, or something did not start.`;

const ANIMATION = fileURLToPath(new URL('../tensorboard/animation.py', import.meta.url));

// A frame that asks for less is shown for a tenth of a second.
const SHORTEST_SECONDS = 0.0101;

async function servedVideos(url) {
  const json = async (route, query = {}) =>
    (await fetch(`${url}/data/plugin/images/${route}?${new URLSearchParams(query)}`)).json();
  const found = [];
  for (const [run, tags] of Object.entries(await json('tags')))
    for (const tag of Object.keys(tags).filter(tag => /^(video|gif)\//.test(tag)))
      for (const {query} of await json('images', {run, tag, sample: 0})) {
        const answer = await fetch(`${url}/data/plugin/images/individualImage?${query}`);
        const type = answer.headers.get('content-type');
        found.push({tag, type, data: Buffer.from(await answer.arrayBuffer())});
      }
  return found;
}

// Runs in the browser.
async function decode({data, type}) {
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  const decoder = new ImageDecoder({data: bytes, type});
  await decoder.completed;
  await decoder.tracks.ready;
  const {animated, frameCount, repetitionCount} = decoder.tracks.selectedTrack;
  const frames = [];
  for (let frameIndex = 0; frameIndex < frameCount; frameIndex++) {
    const {image} = await decoder.decode({frameIndex});
    const pixels = new Uint8Array(image.allocationSize({format: 'RGBA'}));
    await image.copyTo(pixels, {format: 'RGBA'});
    let text = '';
    for (let i = 0; i < pixels.length; i += 8192)
      text += String.fromCharCode(...pixels.subarray(i, i + 8192));
    frames.push({pixels: btoa(text), seconds: image.duration / 1e6});
    image.close();
  }
  return {animated, loops: repetitionCount === Infinity, frames};
}

async function compare(page, video, python) {
  const wanted = JSON.parse(execFileSync(python, ['-B', ANIMATION], {input: video.data}));
  if (wanted.frames.length < 2) return [];
  const got = await page.evaluate(decode,
    {data: video.data.toString('base64'), type: video.type});
  const problems = [];
  if (!got.animated || !got.loops) problems.push('it does not play without end');
  if (got.frames.length !== wanted.frames.length)
    problems.push(`${got.frames.length} frames, not ${wanted.frames.length}`);
  got.frames.forEach(({pixels, seconds}, i) => {
    const hash = createHash('sha256').update(Buffer.from(pixels, 'base64')).digest('hex');
    const frame = wanted.frames[i];
    if (!wanted.rounded && hash !== frame.sha256) problems.push(`frame ${i}: other pixels`);
    if (frame.seconds >= SHORTEST_SECONDS && Math.abs(seconds - frame.seconds) > 0.001)
      problems.push(`frame ${i}: ${seconds} s, not ${frame.seconds}`);
  });
  return problems.map(problem => `${video.tag}: ${problem}`);
}

// Whether what is to be seen of each card changes.
async function watch(page, url, file) {
  await page.goto(`${url}/#images`);
  const cards = page.locator('tf-image-loader');
  await page.evaluate(async () => {
    const heading = () => deepAll(document, 'tf-category-paginated-view')
      .find(group => group.category?.name === 'video');
    while (!heading()) await new Promise(resolve => setTimeout(resolve, 200));
    if (!heading().opened) heading().shadowRoot.querySelector('.heading').click();
    await new Promise(resolve => setTimeout(resolve, 2000));
    heading().scrollIntoView();
  });
  const problems = [];
  let count = 0;
  await cards.locator('img').first().waitFor();
  await page.waitForTimeout(2000);
  if (file) await page.screenshot({path: file});
  for (const card of await cards.all()) {
    const tag = await card.evaluate(element => element.tag);
    if (!tag.startsWith('video/') || tag === 'video/still') continue;
    const image = card.locator('img').first();
    await image.scrollIntoViewIfNeeded();
    const first = await image.screenshot();
    let changed = false;
    for (let i = 0; i < 30 && !changed; i++) {
      await page.waitForTimeout(100);
      changed = !first.equals(await image.screenshot());
    }
    if (!changed) problems.push(`${tag}: it stands still in the page`);
    count++;
  }
  if (count === 0) problems.push('no card of a video');
  return {count, problems};
}

function parse() {
  try {
    const {values, positionals} = parseArgs({
      allowPositionals: true,
      options: {
        'load-fast': {type: 'string', default: 'true'},
        picture: {type: 'string'},
        python: {type: 'string', default: 'python3'},
        chromium: {type: 'string', default: '/usr/bin/chromium'},
      },
    });
    if (positionals.length === 1) return {...values, logdir: positionals[0]};
  } catch { /* an unknown option */ }
  console.error(USAGE);
  process.exit(2);
}

async function main() {
  const options = parse();
  const server = await startTensorBoard(options.python, options.logdir, options['load-fast']);
  let browser;
  try {
    browser = await chromium.launch({
      executablePath: options.chromium,
      args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars',
        '--disable-background-networking', '--disable-component-update', '--no-first-run'],
    });
    const page = await browser.newPage({viewport: {width: 1600, height: 2400}});
    await page.addInitScript(inPage);
    await page.goto(server.url); // a page that is trusted with decoders
    const videos = await servedVideos(server.url);
    const problems = videos.length === 0 ? ['TensorBoard has no videos'] : [];
    for (const video of videos) problems.push(...await compare(page, video, options.python));
    const seen = await watch(page, server.url, options.picture);
    problems.push(...seen.problems);
    console.log(JSON.stringify({videos: videos.length, played: seen.count, problems}, null, 2));
    process.exitCode = problems.length === 0 ? 0 : 1;
  } finally {
    await browser?.close();
    await server.stop();
  }
}

main().catch(error => {
  console.error(error);
  process.exitCode = 2;
});
