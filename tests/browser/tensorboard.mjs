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

async function post(url, path, body) {
  const answer = await fetch(`${url}/data/plugin/${path}`, {
    method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}`);
  return answer.json();
}

// tab -> its name in the page, for those that have something to show.
export async function activeTabs(url) {
  const listing = async () => (await fetch(`${url}/data/plugins_listing`)).json();
  await listing(); // the first question makes the projector look for data, and later ones tell
  const embeddings = (await getJson(url, 'projector/runs')).length > 0;
  for (let tries = 0; ; tries++) {
    const plugins = await listing();
    if (!embeddings || plugins.projector.enabled || tries === 50)
      return new Map(Object.entries(plugins).filter(([, plugin]) => plugin.enabled)
        .map(([tab, plugin]) => [tab, plugin.tab_name]));
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

// tab -> the cards that it must show, as Map: the key of the card -> whether there is anything to
// draw, or a text of the size or length of it.
export async function expectedCards(url) {
  const scalars = await getJson(url, 'scalars/tags');
  const images = await sampleCards(url, 'images', 'individualImage', pictureSize);
  const histograms = await histogramCards(url);
  const lines = new Map(Object.values(scalars).flatMap(Object.keys).map(tag => [tag, true]));
  return {
    scalars: lines,
    timeseries: new Map([...lines, ...histograms, ...images]),
    histograms,
    distributions: histograms,
    images,
    text: await textCards(url),
    audio: await sampleCards(url, 'audio', 'individualAudio', waveSeconds),
    pr_curves: new Map(Object.values(await getJson(url, 'pr_curves/tags')).flatMap(Object.keys)
      .map(tag => [tag, true])),
    custom_scalars: await chartCards(url),
    mesh: await sampleCards(url, 'mesh'),
  };
}

// With the size or length of the last step, if there is a route to its file: that is what is shown.
async function sampleCards(url, plugin, route, measure) {
  const cards = new Map();
  for (const [run, tags] of Object.entries(await getJson(url, `${plugin}/tags`)))
    for (const [tag, {samples}] of Object.entries(tags))
      for (let sample = 0; sample < samples; sample++) {
        const key = `${tag} | ${run} | ${sample}`;
        cards.set(key, true);
        if (!route) continue;
        const steps = await getJson(url, `${plugin}/${plugin}`, {run, tag, sample});
        const file = await fetch(`${url}/data/plugin/${plugin}/${route}?${steps.at(-1).query}`);
        cards.set(key, measure(Buffer.from(await file.arrayBuffer())));
      }
  return cards;
}

// "width x height" of a PNG or GIF file; true for others.
function pictureSize(file) {
  if (file.toString('latin1', 1, 4) === 'PNG')
    return `${file.readUInt32BE(16)}x${file.readUInt32BE(20)}`;
  if (file.toString('latin1', 0, 3) === 'GIF')
    return `${file.readUInt16LE(6)}x${file.readUInt16LE(8)}`;
  return true;
}

// By the first chunks of a WAV file; true for others.
function waveSeconds(file) {
  if (file.toString('latin1', 0, 4) !== 'RIFF') return true;
  const chunks = {};
  for (let at = 12; at + 8 <= file.length;) {
    const size = file.readUInt32LE(at + 4);
    chunks[file.toString('latin1', at, at + 4)] = {at: at + 8, size};
    at += 8 + size + size % 2;
  }
  return (chunks.data.size / file.readUInt32LE(chunks['fmt '].at + 8)).toFixed(2);
}

async function chartCards(url) {
  const {category = []} = await getJson(url, 'custom_scalars/layout');
  return new Map(category.flatMap(({chart}) => chart).map(({title}) => [title, true]));
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

// The pictures of graphs: {run, tag, view, names, costs}.  |names| are those of the nodes and scopes
// that must be seen when all scopes are open, but for constants, which are drawn as a part of what
// reads them; |costs| those of the nodes that a profile colours.  Profiles come last, since the
// page goes on with their colours.
export async function expectedGraphs(url) {
  const graphs = [];
  for (const [run, {run_graph, tags}] of Object.entries(await getJson(url, 'graphs/info'))) {
    const names = run_graph ? await nodeNames(url, {run}) : [];
    if (run_graph) graphs.push({run, tag: 'Default', view: 'Op graph', names, costs: []});
    for (const {tag, conceptual_graph, profile} of Object.values(tags)) {
      if (conceptual_graph)
        graphs.push({run, tag, view: 'Conceptual graph', costs: [],
          names: await nodeNames(url, {run, tag, conceptual: true})});
      if (profile)
        graphs.push({run, tag, view: 'Profile', names, costs: await costNames(url, {run, tag})});
    }
  }
  return graphs.sort((a, b) => (a.view === 'Profile') - (b.view === 'Profile'));
}

async function nodeNames(url, query) {
  const text = await (await get(url, 'graphs/graph', query)).text();
  const nodes = [...text.matchAll(/^node \{\n {2}name: "(.*)"(?:\n {2}op: "(.*)")?/gm)];
  const names = nodes.filter(([, , op]) => op !== 'Const').map(([, name]) => name);
  return [...new Set(names.flatMap(withScopes))];
}

async function costNames(url, query) {
  const text = await (await get(url, 'graphs/run_metadata', query)).text();
  return [...text.matchAll(/node_name: "(.*)"/g)].map(([, name]) => name);
}

// "a/b/c" -> "a", "a/b", "a/b/c".
function withScopes(name) {
  const parts = name.split('/');
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

// The HParams table: {columns, metrics, rows}.  |columns| are titles, of which the last |metrics|
// are metrics; |rows| maps the name of a session group to its values.
export async function expectedHparams(url) {
  const {hparamInfos, metricInfos} =
    await post(url, 'hparams/experiment', {experimentName: ''});
  const {sessionGroups} = await post(url, 'hparams/session_groups', {
    experimentName: '', colParams: [], startIndex: 0, sliceSize: 1000,
    allowedStatuses: ['UNKNOWN', 'SUCCESS', 'FAILURE', 'RUNNING'].map(name => `STATUS_${name}`),
  });
  const metricName = ({tag, group}) => group ? `${group}.${tag}` : tag;
  const rows = sessionGroups.map(({name, hparams, metricValues}) => {
    const metrics = new Map(metricValues.map(({name, value}) => [metricName(name), value]));
    return [name, [...hparamInfos.map(info => hparams[info.name]),
      ...metricInfos.map(info => metrics.get(metricName(info.name)))]];
  });
  return {
    columns: [...hparamInfos.map(info => info.displayName || info.name),
      ...metricInfos.map(info => info.displayName || metricName(info.name))],
    metrics: metricInfos.length,
    rows: new Map(rows),
  };
}

// {run, name, shape} of every tensor of the projector.
export async function expectedTensors(url) {
  const tensors = [];
  for (const run of await getJson(url, 'projector/runs'))
    for (const {tensorName, tensorShape} of (await getJson(url, 'projector/info', {run})).embeddings)
      tensors.push({run, name: tensorName, shape: tensorShape});
  return tensors;
}
