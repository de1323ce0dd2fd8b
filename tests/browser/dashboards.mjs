// TensorBoard's dashboards: where their cards are, and what a card that shows its data has.
//
// The functions below run in the browser.  |cards| are the elements that match a dashboard's
// selector; each gives {key, drawn}: |key| as expectedCards has it, |drawn| how much of the data
// is to be seen.

// The first takes the longest.
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
  // The pixels of a card's picture; 0 when there is none or it is broken.
  window.pixels = async card => {
    const image = window.deepAll(card, 'img')[0];
    const sound = await image?.decode().then(() => true, () => false);
    return sound ? image.naturalWidth * image.naturalHeight : 0;
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
