// The worklist: keyboard, live rows, counts of the saved views, preview.

import { $, remember } from './lib/dom.js';
import { Offline, send } from './lib/http.js';
import { on } from './lib/keys.js';
import { live } from './lib/live.js';
import { LiveRows } from './lib/rows.js';
import { tick } from './lib/time.js';
import { Acts } from './worklist/acts.js';
import { Cursor } from './worklist/cursor.js';

const root = $('#worklist');
const list = $('#list');
const form = $('#filters');
const rows = new LiveRows(root, list);
const cursor = new Cursor(root, $('#detail-line'));
const acts = new Acts(rows);

// Without a search the question fits an address; with one it holds a patient's name and travels in the body.
function changesSince(since) {
  const fields = new URLSearchParams(new FormData(form));
  fields.delete('csrf_token');
  fields.set('since', since);
  if (fields.get('q')) return send('POST', root.dataset.changes, fields);
  fields.delete('q');
  return send('GET', `${root.dataset.changes}?${fields}`);
}

async function catchUp() {
  const table = $('table[data-cursor]', list);
  if (!table) return;
  const answer = await changesSince(table.dataset.cursor);
  if (!answer.ok) throw new Offline(`changes: ${answer.status}`);
  if (!table.isConnected) return; // the list was redrawn meanwhile; its own cursor is newer
  table.dataset.cursor = answer.headers.get('X-Worklist-Cursor') ?? table.dataset.cursor;
  rows.merge(answer.text);
  if (answer.headers.get('X-Worklist-More')) { await catchUp(); return; }
  refreshCounts();
}

let countsTimer = 0;
function refreshCounts() {
  const views = $('#views');
  if (!views || countsTimer) return;
  countsTimer = setTimeout(async () => {
    countsTimer = 0;
    const answer = await send('GET', `${views.dataset.counts}?view=${encodeURIComponent(form.elements.view.value)}`);
    if (answer.ok) views.innerHTML = answer.text;
  }, 600);
}

let previewTimer = 0;
const noPreview = $('#preview')?.innerHTML ?? '';
function preview(row) {
  clearTimeout(previewTimer);
  const pane = $('#preview');
  if (!pane || root.dataset.preview !== 'on') return;
  previewTimer = setTimeout(async () => {
    const answer = await send('GET', `/worklist/${row.id.replace('study-', '')}/preview`);
    if (answer.ok && cursor.row?.id === row.id) { pane.innerHTML = answer.text; tick(); }
  }, 180);
}

// The study that was shown is not in the list any more: nothing of it stays beside other patients.
function forget() {
  clearTimeout(previewTimer);
  cursor.describe(null);
  if ($('#preview')) $('#preview').innerHTML = noPreview;
}

function togglePreview() {
  root.dataset.preview = root.dataset.preview === 'on' ? 'off' : 'on';
  remember('preview', root.dataset.preview);
  if (cursor.row) preview(cursor.row);
}

const open = (row) => { if (row?.dataset.href) location.assign(row.dataset.href); };
const withRow = (act) => () => { if (cursor.row) act(cursor.row); };

cursor.listeners.push(preview);
on('j', () => cursor.move(1));
on('k', () => cursor.move(-1));
on('arrowdown', () => cursor.move(1));
on('arrowup', () => cursor.move(-1));
on('c', withRow((row) => acts.claim(row)));
on('a', withRow((row) => acts.choose(row)));
on('p', togglePreview);
on('n', () => rows.release());
on('enter', (event) => {
  // Enter on a button or link of a row keeps its own meaning.
  if (event.target.closest('a, button, summary')) { event.target.closest('a, button, summary').click(); return; }
  if (cursor.row) open(cursor.row); else cursor.move(1); // the first press chooses, so that nothing opens by surprise
});

root.addEventListener('click', (event) => {
  const act = event.target.closest('[data-act]');
  const row = event.target.closest('#rows > tr');
  if (act) acts[act.dataset.act](row);
  else if (event.target.closest('[data-toggle-preview]')) togglePreview();
  else if (row && !event.target.closest('a, button')) row.focus({ preventScroll: true });
});
root.addEventListener('dblclick', (event) => open(event.target.closest('#rows > tr')));

document.addEventListener('htmx:afterSwap', (event) => {
  if (event.detail.target !== list) return;
  rows.reset();
  cursor.restore();
  if (!cursor.row) forget();
  const fields = new URLSearchParams(new FormData(form));
  for (const name of ['q', 'csrf_token']) fields.delete(name); // a name never stands in an address
  for (const [name, value] of [...fields]) if (!value) fields.delete(name);
  history.replaceState(null, '', `${location.pathname}?${fields}`);
});

live(root.dataset.events, catchUp);
$('.views [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' }); // on a phone the views scroll sideways
