// The session is kept while somebody is in front of the page, says when it is about to end, and covers the page once it has:
// what was written stays under the cover. Polls and live lines keep nothing; only what a person does is told to the server.
// POST /session/alive, GET /session/state → {user, idle_at, ends_at}; 401 once it is over.

import { $, $$, meta } from './dom.js';
import { Offline, refreshToken, send } from './http.js';
import { now } from './time.js';

const WARN_BEFORE = 120000; // ms
const TELL_EVERY = 60000;
const ASK_EVERY = 5000;
const ACTS = ['pointerdown', 'pointermove', 'wheel', 'keydown', 'touchstart'];

const user = meta('user');
let idle = Date.parse(meta('session-idle'));
let ends = Date.parse(meta('session-ends'));
let told = now(); // asking for this page was an act
let acted = false;
let asked = 0;
let over = false;

async function ask(method, path) {
  try {
    let answer = await send(method, path, undefined, { headers: { Accept: 'application/json' } });
    if (answer.status === 403 && (await refreshToken()).ok) answer = await send(method, path);
    if (answer.ok) take(answer.data);
    else if (answer.status === 401) cover();
  } catch (error) {
    if (!(error instanceof Offline)) throw error;
  }
}

function take(state) {
  if (state.user !== user) { location.assign('/'); return; }
  idle = Date.parse(state.idle_at);
  ends = Date.parse(state.ends_at);
  if (over) { over = false; refreshToken(); $('#session-over').close(); }
  warn();
}

function tell() {
  told = now();
  acted = false;
  ask('POST', '/session/alive');
}

function act() {
  acted = true;
  if (!over && (now() - told >= TELL_EVERY || $('#session-warning').open)) tell();
}

function warn() {
  const left = Math.min(idle, ends) - now();
  const soon = left > 0 && left <= WARN_BEFORE;
  const dialog = $('#session-warning');
  if (!soon) { if (dialog.open) dialog.close(); return; }
  for (const note of $$('[data-ending]', dialog)) note.hidden = (note.dataset.ending === 'idle') !== (idle < ends);
  const seconds = Math.ceil(left / 1000);
  $('#session-left').textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  if (!dialog.open) dialog.showModal();
}

function cover() {
  if (over) return;
  over = true;
  $('#session-warning').close();
  $('#session-over').showModal();
}

function doubt() {
  if (now() - asked < ASK_EVERY) return;
  asked = now();
  ask('GET', '/session/state');
}

function watch() {
  const end = Math.min(idle, ends);
  if (acted && !over && now() - told >= TELL_EVERY) tell();
  // Another tab may have kept the session, or begun a new one: the server knows.
  if (over ? !document.hidden : now() > end - WARN_BEFORE) doubt();
  if (!over) warn();
}

function listenTo(window) {
  for (const kind of ACTS) window.addEventListener(kind, act, { passive: true, capture: true });
}

export function keepSession() {
  // Each page tells the others in this browser whose it is: after signing out, or in as somebody else, they ask at once.
  const pages = new BroadcastChannel('session');
  pages.postMessage(user);
  if (Number.isNaN(idle)) return;
  pages.onmessage = (said) => { if (over || said.data !== user) { asked = 0; doubt(); } };
  listenTo(window);
  // Whoever scrolls through images in the viewer's frame is there, too.
  for (const frame of $$('iframe')) frame.addEventListener('load', () => listenTo(frame.contentWindow));
  $('#session-over').addEventListener('cancel', (event) => event.preventDefault());
  document.addEventListener('unauthenticated', doubt); // signed out in another tab, or shut out
  document.addEventListener('visibilitychange', () => { if (!document.hidden) { asked = 0; doubt(); } });
  setInterval(watch, 1000);
}
