/** The shell of the pages: the header, the page that the address names, and keys. */
import { effect, signal } from '@preact/signals';
import { render } from 'preact';
import { Checkbox } from './components/checkbox.tsx';
import { lazy } from './components/lazy.tsx';
import { OpenButton } from './components/no-model.tsx';
import { acceptDrops } from './drop.ts';
import { canIsolate, isolate } from './isolate.ts';
import { withoutExtension } from './model-file-name.ts';
import { Write } from './pages/write.tsx';
import { goTo, route } from './router.ts';
import { connectionProblem, followRuns, shortPath } from './run-list.ts';
import {
  download,
  isExample,
  model,
  openExample,
  opening,
  openModel,
  openProblem,
  restartWorker,
  type WorkerProblem,
  worker,
  workerProblem,
} from './session.ts';
import { source } from './sources/source.ts';
import { type ThemeChoice, themeChoice } from './theme.ts';
import { stopTraining } from './training-state.ts';
import { asSentence } from './words.ts';
import { redo, stopWriting, takeCandidate, undo } from './writing-state.ts';

const Run = lazy(async () => (await import('./pages/run.tsx')).Run);
// All pages but Write are fetched when they are opened.
const RUN_PAGES = {
  runs: { title: 'Runs', show: lazy(async () => (await import('./pages/runs.tsx')).Runs), key: 'r' },
  sweeps: {
    title: 'Sweeps',
    show: lazy(async () => (await import('./pages/sweeps.tsx')).Sweeps),
    key: 's',
  },
} as const;
const PAGES = {
  // The static site has no runs but those of the Train page.
  ...((source ? RUN_PAGES : {}) as typeof RUN_PAGES),
  write: { title: 'Write', show: Write, key: 'w' },
  neurons: {
    title: 'Neurons',
    show: lazy(async () => (await import('./pages/neurons.tsx')).Neurons),
    key: 'n',
  },
  train: { title: 'Train', show: lazy(async () => (await import('./pages/train.tsx')).Train), key: 't' },
} as const;
type PageName = keyof typeof PAGES;

/** Pages that compute: the worker is started as soon as they are drawn. */
const COMPUTING: ReadonlySet<PageName> = new Set(['write', 'neurons', 'train']);

const FIRST_PAGE: PageName = source ? 'runs' : 'write';

function shownPage(): PageName {
  const { page } = route.value;
  return page in PAGES ? (page as PageName) : FIRST_PAGE;
}

const isHelpOpen = signal(false);

function App() {
  const name = shownPage();
  const isRun = source !== undefined && route.value.page === 'run';
  const { title, show } = PAGES[name];
  const Page = isRun ? Run : show;
  document.title = `${title} · char-rnn`;
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <header>
        <h1>char-rnn</h1>
        <nav aria-label="pages">
          {Object.entries(PAGES).map(([key, page]) => (
            <a key={key} href={`#/${key}`} aria-current={key === name ? 'page' : undefined}>
              {page.title}
            </a>
          ))}
        </nav>
        <ModelMenu />
        <label class="inline theme">
          <span class="visually-hidden">colours</span>
          <select
            value={themeChoice.value}
            onChange={(event) => {
              themeChoice.value = event.currentTarget.value as ThemeChoice;
            }}
          >
            <option value="system">system colours</option>
            <option value="light">light</option>
            <option value="dark">dark</option>
          </select>
        </label>
        <button type="button" class="quiet" onClick={toggleHelp} aria-expanded={isHelpOpen.value}>
          Keys
        </button>
      </header>
      {isHelpOpen.value && <KeyHelp />}
      {connectionProblem.value !== undefined && (
        <p class="banner problem" role="status">
          {connectionProblem.value}
        </p>
      )}
      {workerProblem.value && <WorkerBar {...workerProblem.value} />}
      {openProblem.value !== undefined && (
        <p class="banner problem" role="alert">
          <span>{openProblem.value}</span>
          <button
            type="button"
            onClick={() => {
              openProblem.value = undefined;
            }}
          >
            Close
          </button>
        </p>
      )}
      <main id="main" tabIndex={-1}>
        <Page />
      </main>
    </>
  );
}

/** Says that the worker has stopped or does not answer, and what the reader can do. */
function WorkerBar({ kind, message, hadModel }: WorkerProblem) {
  const [button, act] =
    kind === 'ended'
      ? ['Start again', restartWorker]
      : kind === 'silent'
        ? ['Start another', () => worker().end('it did not answer')]
        : ['Close', closeWorkerBar];
  return (
    <p class="banner problem" role="alert">
      <span>
        {asSentence(message)}. {kind === 'replaced' && 'Another has been started. '}
        {kind !== 'silent' && hadModel && 'The open model is lost. '}
        {kind !== 'replaced' && 'Runs stored in this browser are on the Train page. '}
      </span>
      <button type="button" onClick={act}>
        {button}
      </button>
    </p>
  );
}

function closeWorkerBar(): void {
  workerProblem.value = undefined;
}

function skip(): void {
  document.getElementById('main')?.focus();
}

function ModelMenu() {
  const { value } = model;
  return (
    <details class="menu">
      <summary>
        {opening.value !== undefined
          ? `opening ${opening.value} …`
          : value
            ? shortPath.value(value.name)
            : 'no model'}
      </summary>
      <div class="menu-body">
        {value && (
          <dl>
            <dt>file</dt>
            <dd>{value.name}</dd>
            <dt>model</dt>
            <dd>
              {value.cell}, {value.layers} × {value.units}, {value.parameters.toLocaleString('en')} parameters
            </dd>
            <dt>symbols</dt>
            <dd>
              {value.symbols} {value.kind === 'character' ? 'characters' : value.kind}
            </dd>
            {value.validationLoss !== undefined && (
              <>
                <dt>best validation loss</dt>
                <dd>{value.validationLoss.toFixed(4)} nats</dd>
              </>
            )}
            <dt>engine</dt>
            <dd>
              {value.engine}
              {!crossOriginIsolated &&
                ' (this page is not cross-origin isolated, so it uses only one thread)'}
              {canIsolate.value && ' (load the page again for more threads)'}
            </dd>
          </dl>
        )}
        <div class="row">
          <OpenButton />
          <button type="button" onClick={() => openExample()}>
            Example
          </button>
          <button type="button" disabled={!value} onClick={() => save()}>
            Save
          </button>
          <button type="button" disabled={!value} onClick={() => save('int8')}>
            Save in int8
          </button>
        </div>
        {value && (
          <>
            <Checkbox
              checked={value.isInt8}
              disabled={opening.value !== undefined}
              onChange={(isOn) => quantize(isOn ? 'int8' : 'none')}
            >
              8-bit weights (int8)
            </Checkbox>
            <p class="hint">
              8-bit weights are faster, and a file in int8 is a quarter of the size. The texts differ from
              those of the float weights.
            </p>
          </>
        )}
      </div>
    </details>
  );
}

async function save(weights?: 'int8'): Promise<void> {
  const name = withoutExtension(model.value?.name ?? 'model');
  try {
    const bytes = await worker().call('save', weights);
    download(bytes, `${name}${weights ? `-${weights}` : ''}.safetensors`);
  } catch (error) {
    openProblem.value = `${name}: ${(error as Error).message}`;
  }
}

function quantize(weights: 'int8' | 'none'): void {
  openModel(model.value?.name ?? '', () => worker().call('quantize', weights), isExample.value);
}

function toggleHelp(): void {
  isHelpOpen.value = !isHelpOpen.value;
}

function KeyHelp() {
  return (
    <section class="panel keys" aria-label="keys">
      <dl>
        {Object.values(PAGES).map(({ key, title }) => (
          <div key={key}>
            <dt>
              <kbd>g</kbd> <kbd>{key}</kbd>
            </dt>
            <dd>{title}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>stop writing or training, on the page of it</dd>
        </div>
        <div>
          <dt>
            <kbd>Ctrl</kbd> <kbd>Z</kbd>
          </dt>
          <dd>undo, on the Write page</dd>
        </div>
        <div>
          <dt>
            <kbd>1</kbd> – <kbd>9</kbd>
          </dt>
          <dd>choose another character</dd>
        </div>
        <div>
          <dt>
            <kbd>←</kbd> <kbd>→</kbd>
          </dt>
          <dd>move in the text; with Shift, select</dd>
        </div>
      </dl>
    </section>
  );
}

/** Whether the last key was `g`, which begins a jump to a page. */
let isJumping = false;

addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof Element && event.target.matches('input, textarea, select');
  if (event.key === 'Escape') {
    // In a field, the key closes a list of the browser. It must not end a run.
    if (shownPage() === 'write') stopWriting();
    if (shownPage() === 'train' && !isTyping) stopTraining();
    return;
  }
  if (isTyping) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z' && shownPage() === 'write') {
    event.preventDefault();
    if (event.shiftKey) redo();
    else undo();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (isJumping) {
    isJumping = false;
    const found = Object.entries(PAGES).find(([, { key }]) => key === event.key);
    if (found) goTo(found[0]);
  } else if (event.key === 'g') isJumping = true;
  else if (event.key === '?') toggleHelp();
  else if (/^[1-9]$/.test(event.key) && shownPage() === 'write') takeCandidate(Number(event.key));
});

acceptDrops(shownPage);

const app = document.getElementById('app');
if (app) {
  // The server can answer while the page is drawn.
  followRuns();
  app.replaceChildren();
  render(<App />, app);
  effect(() => {
    if (COMPUTING.has(shownPage())) requestAnimationFrame(() => setTimeout(worker));
  });
  isolate();
}
