// Stock TensorBoard, and what it says that its pages must show.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';

const SERVER = fileURLToPath(new URL('../tensorboard/server.py', import.meta.url));

// Serves |logdir|, all of it loaded.  stop() ends the server.
export async function startTensorBoard(python, logdir, loadFast) {
  const child = spawn(python, [SERVER, logdir, '--load-fast', loadFast], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const address = once(child.stdout, 'data').then(([line]) => String(line).trim());
  const url = await Promise.race([address, ended.then(([status]) => {
    throw new Error(`TensorBoard did not start (status ${status})`);
  })]);
  // It ends with its standard input, and so with this program however that ends.
  const stop = async () => { child.stdin.end(); await ended; };
  return {url, stop};
}

async function get(url, path, query = {}) {
  const answer = await fetch(`${url}/data/plugin/${path}?${new URLSearchParams(query)}`);
  if (!answer.ok) throw new Error(`${path} ${JSON.stringify(query)}: HTTP ${answer.status}`);
  return answer;
}

async function getJson(url, path, query) {
  return (await get(url, path, query)).json();
}

// tab -> the cards that it must show, as Map: "tag", "tag | run" or "tag | run | sample" -> whether
// there is anything to draw.
export async function expectedCards(url) {
  const scalars = await getJson(url, 'scalars/tags');
  const images = sampleCards(await getJson(url, 'images/tags'));
  const histograms = await histogramCards(url);
  const lines = new Map(Object.values(scalars).flatMap(Object.keys).map(tag => [tag, true]));
  return {
    scalars: lines,
    timeseries: new Map([...lines, ...histograms, ...images]),
    histograms,
    distributions: histograms,
    images,
    text: await textCards(url),
  };
}

function sampleCards(runs) {
  return new Map(Object.entries(runs).flatMap(([run, tags]) =>
    Object.entries(tags).flatMap(([tag, {samples}]) =>
      Array.from({length: samples}, (_, i) => [`${tag} | ${run} | ${i}`, true]))));
}

async function histogramCards(url) {
  const cards = new Map();
  for (const [run, tags] of Object.entries(await getJson(url, 'histograms/tags'))) {
    for (const tag of Object.keys(tags)) {
      const steps = await getJson(url, 'histograms/histograms', {run, tag});
      cards.set(`${tag} | ${run}`, steps.some(([, , buckets]) => buckets.length > 0));
    }
  }
  return cards;
}

async function textCards(url) {
  const cards = new Map();
  for (const [run, tags] of Object.entries(await getJson(url, 'text/tags'))) {
    for (const tag of tags) {
      const steps = await getJson(url, 'text/text', {run, tag});
      cards.set(`${tag} | ${run}`, steps.some(({text}) => text !== ''));
    }
  }
  return cards;
}

// run -> the names of its graph's nodes and scopes that must be seen when all scopes are open, but
// for constants, which are drawn as a part of what reads them.
export async function expectedNodes(url) {
  const graphs = new Map();
  for (const run of Object.keys(await getJson(url, 'graphs/info'))) {
    const text = await (await get(url, 'graphs/graph', {run})).text();
    const nodes = [...text.matchAll(/^node \{\n {2}name: "(.*)"\n {2}op: "(.*)"/gm)];
    const names = nodes.filter(([, , op]) => op !== 'Const').map(([, name]) => name);
    graphs.set(run, new Set(names.flatMap(withScopes)));
  }
  return graphs;
}

// "a/b/c" -> "a", "a/b", "a/b/c".
function withScopes(name) {
  const parts = name.split('/');
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}
