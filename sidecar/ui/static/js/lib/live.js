// A live connection: server-sent events say only "something changed"; what changed is asked for, so a missed event costs nothing.

import { $ } from './dom.js';
import { Offline } from './http.js';

function show(state) {
  const sign = $('#live');
  if (!sign || sign.dataset.state === state) return;
  sign.dataset.state = state;
  sign.querySelector('span').textContent = state;
}

// catchUp() is awaited after each (re)connection and each message; never two at once, never one lost.
export function live(url, catchUp) {
  let source = null;
  let delay = 1000;
  let busy = false;
  let again = false;

  const run = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      do { again = false; await catchUp(); } while (again);
    } catch (error) {
      if (!(error instanceof Offline)) throw error;
      show('reconnecting');
      setTimeout(run, delay);
    } finally {
      busy = false;
    }
  };

  const open = () => {
    source = new EventSource(url);
    source.addEventListener('open', () => { delay = 1000; show('live'); run(); });
    source.addEventListener('message', run);
    source.addEventListener('error', () => {
      show('reconnecting');
      // After an HTTP error (429: too many lines are open) the browser gives up for good: open a new one, more patiently
      // each time, and ask for what changed meanwhile.
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(() => { run(); open(); }, delay);
      delay = Math.min(delay * 2, 30000);
    });
  };

  open();
  window.addEventListener('pagehide', () => source.close());
  window.addEventListener('pageshow', (event) => { if (event.persisted) open(); });
}
