// A page of TensorBoard in Chromium, and what a user does with one.
import {createRequire} from 'node:module';

import {inPage} from './dashboards.mjs';

// By require, since import does not look into NODE_PATH.
const {chromium} = createRequire(import.meta.url)('playwright-core');

const WIDTH = 1600;
const HEIGHT = 1100;
const MAX_HEIGHT = 5000; // of one picture
const TAB_SECONDS = 90;

// Drawn by the processor.
const WEBGL = ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist'];
// The charts are SVG then, whose lines can be counted, and are there sooner.
const NO_WEBGL = ['--disable-gpu', '--disable-3d-apis'];

export const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

export function launch(executablePath, {webgl}) {
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--hide-scrollbars', '--disable-background-networking',
      '--disable-component-update', '--no-first-run', ...(webgl ? WEBGL : NO_WEBGL)],
  });
}

// A tab of its own in the browser that remembers what went wrong.
export class Dashboard {
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
    await this.page.evaluate(() => deepAll(document, 'g.node.meta').forEach(node => {
      node.opened = false; // of a graph before
    }));
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

  async fitGraph() {
    await this.page.locator('tf-graph-controls paper-button', {hasText: 'Fit to screen'}).click();
    await sleep(1000); // the picture moves
    await this.settle();
  }

  // Clicks what matches the selector and has that text, once it can be clicked.
  async choose(selector, text) {
    await this.page.waitForFunction(([selector, text]) => {
      const element = deepAll(document, selector).find(element => !element.disabled &&
        element.textContent.trim() === text);
      element?.click();
      return element !== undefined;
    }, [selector, text]);
  }

  // What the tab that is chosen is called.
  chosen() {
    return this.page.locator('.mdc-tab--active').first().textContent();
  }

  shoot(file, options = {}) {
    return this.page.screenshot({path: file, animations: 'disabled', ...options});
  }

  // A frame of the page, by the file it shows.
  async frame(file) {
    for (; Date.now() < this.deadline; await sleep(100)) {
      const frame = this.page.frames().find(frame => frame.url().includes(file));
      if (frame) return frame;
    }
    throw new Error(`no ${file} after ${TAB_SECONDS} s`);
  }

  // As colors(), of a picture in which each box has so many, if there comes one.
  async waitForColors(boxes, fewest, file) {
    for (;; await sleep(500)) {
      const colors = await this.colors(boxes, file);
      if (colors.every(count => count >= fewest) || Date.now() > this.deadline) return colors;
    }
  }

  // How many colours a new picture of the page has in each of the boxes.
  async colors(boxes, file) {
    const picture = await this.shoot(file);
    return this.page.evaluate(([picture, boxes]) => colorsOf(picture, boxes),
      [picture.toString('base64'), boxes]);
  }
}
