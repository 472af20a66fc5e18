/** The script of the page at `/`, as plain JavaScript: it sends completion requests and shows the text as it arrives. */
export const PAGE_SCRIPT = String.raw`
'use strict';
const element = (id) => document.getElementById(id);
const base = location.pathname.replace(/\/?$/, '/') + 'v1/';
const MAX_SEEDS = 2 ** 32;
const KEY = 'char-rnn api key';
let key = stored();
let running;

function stored() {
  // The browser may forbid storage.
  try { return sessionStorage.getItem(KEY) || ''; } catch { return ''; }
}

function store() {
  try { sessionStorage.setItem(KEY, key); } catch {}
}

/** Sends a request to the server. If it fails, throws the server's error message. */
async function ask(path, init) {
  const headers = { 'content-type': 'application/json', ...(key && { authorization: 'Bearer ' + key }) };
  const response = await fetch(base + path, { ...init, headers });
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  throw Object.assign(new Error(answer.error?.message || 'the server answered ' + response.status), {
    status: response.status,
  });
}

function show(error) {
  if (error.status === 401) {
    element('access').hidden = false;
    element('key').focus();
    // If there was no key, asking for one is enough.
    if (!key) return;
  }
  const isAway = error instanceof TypeError;
  element('problem').textContent = isAway ? 'The server cannot be reached.' : error.message;
  element('problem').hidden = false;
}

async function loadModels() {
  element('problem').hidden = true;
  try {
    const { data } = await (await ask('models')).json();
    element('model').replaceChildren(...data.map(({ id }) => new Option(id)));
    element('models').hidden = false;
    element('access').hidden = true;
  } catch (error) {
    show(error);
  }
}

/** Parses the server-sent events of a response. */
async function* eventsOf(response) {
  let text = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const events = text.split('\n\n');
    text = events.pop();
    for (const event of events) {
      if (event.startsWith('data: {')) yield JSON.parse(event.slice(6));
    }
  }
}

/** Shows the text that the model continues. Returns the node to which new text is appended. */
function place(before) {
  const prompt = document.createElement('span');
  prompt.className = 'prompt';
  prompt.textContent = before;
  const written = document.createTextNode('');
  element('text').replaceChildren(prompt, written);
  return written;
}

const isAtEnd = () => window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 40;

async function write(prompt, written) {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  const given = element('seed').value;
  const seed = given === '' ? Math.floor(Math.random() * MAX_SEEDS) : Number(given);
  setRunning(true);
  element('problem').hidden = true;
  element('status').textContent = 'Writing …';
  const start = performance.now();
  let count = 0;
  let end = '';
  try {
    const response = await ask('completions', {
      method: 'POST',
      signal: mine.signal,
      body: JSON.stringify({
        ...(element('model').value && { model: element('model').value }),
        prompt,
        max_tokens: Number(element('length').value),
        temperature: Number(element('temperature').value),
        seed,
        unknown: 'nearest',
        stream: true,
      }),
    });
    for await (const { error, choices } of eventsOf(response)) {
      if (error) throw new Error(error.message);
      const follows = isAtEnd();
      written.appendData(choices[0].text);
      count += [...choices[0].text].length;
      if (follows) window.scrollTo(0, document.documentElement.scrollHeight);
    }
  } catch (error) {
    if (!mine.signal.aborted) show(error);
    end = mine.signal.aborted ? 'Stopped: ' : 'Ended: ';
  }
  if (running !== mine) return;
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  element('status').textContent =
    end + count.toLocaleString('en') + ' characters in ' + seconds + ' s, seed ' + seed + '.';
  setRunning(false);
}

function setRunning(isRunning) {
  element('stop').disabled = !isRunning;
  element('write').disabled = isRunning;
  element('more').disabled = isRunning || element('text').textContent === '';
  element('text').setAttribute('aria-busy', String(isRunning));
}

element('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (element('write').disabled) return;
  const prompt = element('prompt').value;
  write(prompt, place(prompt));
});
element('more').addEventListener('click', () => {
  if (!element('form').reportValidity()) return;
  const { textContent, lastChild } = element('text');
  write(textContent, lastChild);
});
element('stop').addEventListener('click', () => running?.abort());
element('access').addEventListener('submit', (event) => {
  event.preventDefault();
  key = element('key').value.trim();
  store();
  loadModels();
});
element('temperature').addEventListener('input', () => {
  element('temperature-value').value = element('temperature').value;
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') running?.abort();
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) element('form').requestSubmit();
});
loadModels();
`;
