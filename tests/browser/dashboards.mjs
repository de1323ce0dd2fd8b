// TensorBoard's dashboards: where their cards are, and what a card that shows its data has.
//
// The functions below run in the browser.  |cards| are the elements that match a dashboard's
// selector; each gives {key, drawn}: |key| as expectedCards has it, |drawn| how much of the data
// is to be seen, or the size or length of it.  |canvas| is where to look for that in a picture of
// the page, since a page cannot read what WebGL has drawn.

export const DASHBOARDS = {
  timeseries: {
    cards: 'scalar-card-component, histogram-card-component, image-card-component',
    read: readTimeSeries,
  },
  scalars: {cards: 'tf-scalar-card', read: readScalars},
  histograms: {cards: 'tf-histogram-loader', read: readCharts},
  distributions: {cards: 'tf-distribution-loader', read: readCharts},
  images: {cards: 'tf-image-loader', read: readImages},
  text: {cards: 'tf-text-loader', read: readTexts},
  audio: {cards: 'tf-audio-loader', read: readAudio},
  pr_curves: {cards: 'tf-pr-curve-card', read: readScalars},
  custom_scalars: {
    cards: 'tf-custom-scalar-multi-line-chart-card, tf-custom-scalar-margin-chart-card',
    read: readCustomScalars,
  },
  mesh: {cards: 'tf-mesh-loader', read: readMeshes, webgl: true},
};

// Runs in every page before TensorBoard does, and defines what the functions below use.
export function inPage() {
  // As querySelectorAll, but into shadow trees too, where most of TensorBoard lives.
  window.deepAll = (root, selector, found = []) => {
    for (const scope of [root, root.shadowRoot]) {
      for (const element of scope?.querySelectorAll('*') ?? []) {
        if (element.matches(selector)) found.push(element);
        if (element.shadowRoot) window.deepAll(element.shadowRoot, selector, found);
      }
    }
    return found;
  };
  window.isVisible = element => {
    const box = element.getBoundingClientRect();
    return (box.width > 0 || box.height > 0) &&
      element.checkVisibility({visibilityProperty: true});
  };
  // Lines, areas and points of a chart; not its axes and buttons.
  const MARKS = '.render-area path, g.histogram path, .series-view > svg path, ' +
    '.series-view > svg circle';
  window.marks = card => window.deepAll(card, MARKS).filter(mark => window.isVisible(mark) &&
    (mark.tagName === 'circle' || (mark.getAttribute('d') ?? '').length > 8)).length;
  // The part of the page that scrolls, cards aside, and how much of it is still below the window.
  window.hiddenBelow = () => {
    const scroller = window.deepAll(document, '*')
      .find(element => element.scrollHeight > element.clientHeight + 2 &&
        element.clientHeight > innerHeight * 0.6 && element.clientWidth > innerWidth / 2 &&
        /auto|scroll/.test(getComputedStyle(element).overflowY));
    const below = scroller
      ? scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop : 0;
    return {scroller, pixels: below > 2 ? Math.ceil(below) : 0};
  };
  // The size of a card's picture; none when there is none or it is broken.
  window.pixels = async card => {
    const image = window.deepAll(card, 'img')[0];
    const sound = await image?.decode().then(() => true, () => false);
    return sound ? `${image.naturalWidth}x${image.naturalHeight}` : '';
  };
  window.colorsOf = async (picture, boxes) => {
    const bytes = Uint8Array.from(atob(picture), letter => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], {type: 'image/png'}));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height)
      .getContext('2d', {willReadFrequently: true});
    context.drawImage(bitmap, 0, 0);
    return boxes.map(({x, y, width, height}) => {
      const {data} = context.getImageData(x, y, width, height);
      return new Set(new Uint32Array(data.buffer)).size;
    });
  };
  // What still keeps a page from being complete.
  window.busy = () => window.deepAll(document, 'paper-spinner-lite, mat-spinner, img')
    .filter(element => window.isVisible(element) &&
      (element.tagName === 'IMG' ? !element.complete
        : element.tagName === 'MAT-SPINNER' || element.active)).length;
}

function readScalars(cards) {
  return cards.map(card => ({key: card.tag, drawn: marks(card)}));
}

function readCharts(cards) {
  return cards.map(card => ({key: `${card.tag} | ${card.run}`, drawn: marks(card)}));
}

async function readImages(cards) {
  return Promise.all(cards.map(async card => ({
    key: `${card.tag} | ${card.run} | ${card.sample}`,
    drawn: await pixels(card),
  })));
}

// Asks for the sound, as playing would.
async function readAudio(cards) {
  return Promise.all(cards.map(async card => {
    const sound = deepAll(card, 'audio')[0];
    const seconds = await new Promise(resolve => {
      sound.addEventListener('loadedmetadata', () => resolve(sound.duration));
      sound.addEventListener('error', () => resolve(0), {capture: true});
      sound.preload = 'auto';
      sound.load();
    });
    return {key: `${card.tag} | ${card.run} | ${card.sample}`, drawn: seconds.toFixed(2)};
  }));
}

function readCustomScalars(cards) {
  return cards.map(card => ({key: card.title, drawn: marks(card)}));
}

function readMeshes(cards) {
  return cards.map(card => ({
    key: `${card.tag} | ${card.run} | ${card.sample}`,
    canvas: deepAll(card, 'canvas').filter(isVisible)
      .map(canvas => canvas.getBoundingClientRect().toJSON())[0],
  }));
}

function readTexts(cards) {
  return cards.map(card => {
    const texts = deepAll(card, '.text').flatMap(text => deepAll(text, '#markdown'))
      .filter(isVisible);
    return {
      key: `${card.tag} | ${card.run}`,
      drawn: texts.map(text => text.textContent.trim()).join('').length,
    };
  });
}

async function readTimeSeries(cards) {
  return Promise.all(cards.map(async card => {
    const titled = part => card.querySelector(part).closest('[title]') ??
      card.querySelector(`${part} [title]`);
    const tag = titled('.tag').title;
    if (card.matches('scalar-card-component')) return {key: tag, drawn: marks(card)};
    const key = `${tag} | ${titled('.run').title}`;
    if (card.matches('histogram-card-component')) return {key, drawn: marks(card)};
    const sample = /Sample (\d+)/.exec(card.querySelector('.sample')?.textContent)?.[1] ?? 1;
    return {key: `${key} | ${sample - 1}`, drawn: await pixels(card)};
  }));
}
