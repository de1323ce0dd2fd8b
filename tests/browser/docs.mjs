// The pictures in the manual and in the README: parts of the pages that say the most.
import {DASHBOARDS} from './dashboards.mjs';
import {Dashboard, sleep} from './page.mjs';

const PICTURE_WIDTH = 1200;
const BAR = 64; // TensorBoard's own, above all dashboards

// tab -> the part of the page that its picture shows: |height| from the first group of cards on,
// without what stands beside them, in a window that makes them |width| wide; or, when |whole|, all
// below the bar.  |query| is what the page's address chooses, mostly the tags that are shown.
export const DOCS = {
  scalars: {
    query: 'tagFilter=accuracy|loss&_smoothingWeight=0&_ignoreYOutliers=false',
    width: 1060, height: 550,
  },
  timeseries: {width: 1200, height: 640, whole: true, prepare: closeSettings},
  custom_scalars: {
    query: 'regexInput=tour&_smoothingWeight=0&_ignoreYOutliers=false', width: 740, height: 320,
  },
  images: {query: 'tagFilter=boxes|confusion|filters', width: 1100, height: 420},
  audio: {width: 700, height: 200},
  histograms: {query: 'tagFilter=conv|hidden', width: 1060, height: 300},
  distributions: {query: 'tagFilter=conv|hidden', width: 1060, height: 300},
  text: {query: 'tagFilter=.', width: 900, height: 610},
  graphs: {width: 900, height: 600, whole: true, prepare: dashboard => dashboard.fitGraph()},
  pr_curves: {query: 'tagFilter=coat|sneaker', width: 1140, height: 430},
  hparams: {width: 1400, height: 300, whole: true},
  mesh: {width: 1240, height: 620},
  projector: {width: 1500, height: 860, whole: true},
};

export async function shootForDocs(browser, url, tab, file) {
  const {query, width, height, whole, prepare} = DOCS[tab];
  const dashboard = await Dashboard.open(browser, url, query ? `${tab}&${query}` : tab,
    {viewport: {width, height: height + BAR}, deviceScaleFactor: PICTURE_WIDTH / width});
  await dashboard.settle();
  const clip = whole ? {x: 0, y: BAR, width, height}
    : await makeRoom(dashboard, width, height);
  await prepare?.(dashboard);
  await sleep(2000); // what moves comes to rest
  await dashboard.settle();
  await dashboard.shoot(file, {clip});
  await dashboard.close();
}

// Makes the window so large that its middle is |width| wide.  Returns where its groups are.
async function makeRoom({page}, width, height) {
  const middle = page.locator('[slot=center]').first();
  for (let i = 0; i < 2; i++) {
    const box = await middle.boundingBox();
    const window = page.viewportSize();
    await page.setViewportSize({
      width: Math.round(window.width + width - box.width), height: height + 2 * BAR,
    });
  }
  const {x} = await middle.boundingBox();
  const {y} = await page.locator('tf-category-paginated-view:visible').first().boundingBox();
  return {x, y, width, height};
}

function closeSettings({page}) {
  return page.locator('button', {hasText: 'Settings'}).click();
}

// The Scalars tab as it opens, in a narrow window so that its charts are large: 1600 pixels wide.
export async function shootForReadme(browser, url, file) {
  const dashboard = await Dashboard.open(browser, url, 'scalars',
    {viewport: {width: 1143, height: 500}, deviceScaleFactor: 1.4});
  await dashboard.page.locator(DASHBOARDS.scalars.cards).first().waitFor();
  await dashboard.settle();
  await dashboard.grow();
  await dashboard.shoot(file);
  await dashboard.close();
}
