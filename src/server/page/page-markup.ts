/** The initial length of a text, in tokens. */
const DEFAULT_LENGTH = 400;

/** The elements of the page at `/`. @param maxTokens The server's maximum for the length of a text. */
export const pageMarkup = (maxTokens: number) => `
<header>
  <h1>char-rnn</h1>
  <p id="models" hidden><label for="model">Model</label> <select id="model"></select></p>
</header>
<main>
  <form id="access" hidden>
    <label for="key">API key</label>
    <p class="hint" id="key-hint">This server asks for a key. It stays in this tab.</p>
    <div class="row">
      <input id="key" type="password" autocomplete="off" spellcheck="false" aria-describedby="key-hint" required>
      <button type="submit">Use this key</button>
    </div>
  </form>
  <form id="form">
    <label for="prompt">Prompt</label>
    <textarea id="prompt" rows="4" spellcheck="false" placeholder="The model continues this text."></textarea>
    <div class="settings">
      <p>
        <label for="temperature">Temperature <output id="temperature-value" for="temperature">0.8</output></label>
        <input id="temperature" type="range" min="0" max="1.5" step="0.05" value="0.8" aria-describedby="temperature-hint">
        <span class="hint" id="temperature-hint">Lower is safer, higher more daring</span>
      </p>
      <p>
        <label for="length">Length</label>
        <input id="length" type="number" min="1" step="1" value="${Math.min(DEFAULT_LENGTH, maxTokens)}" inputmode="numeric" required aria-describedby="length-hint">
        <span class="hint" id="length-hint">Characters to write</span>
      </p>
      <p>
        <label for="seed">Seed</label>
        <input id="seed" type="number" min="0" max="4294967295" step="1" inputmode="numeric" placeholder="random" aria-describedby="seed-hint">
        <span class="hint" id="seed-hint">Same seed, same text</span>
      </p>
    </div>
    <div class="row">
      <button id="write" type="submit" class="first">Write</button>
      <button id="more" type="button" disabled>Continue</button>
      <button id="stop" type="button" disabled>Stop</button>
      <span class="hint keys"><kbd>Ctrl</kbd>+<kbd>Enter</kbd> writes, <kbd>Esc</kbd> stops</span>
    </div>
  </form>
  <p id="problem" role="alert" hidden></p>
  <section aria-labelledby="text-title">
    <h2 id="text-title">Text</h2>
    <div id="text" tabindex="0" role="group" aria-labelledby="text-title"></div>
    <p id="status" role="status"></p>
  </section>
</main>
`;
