// The provider's list: live rows, the same contract as the worklist.

import { $ } from './lib/dom.js';
import { Offline, problem, send } from './lib/http.js';
import { live } from './lib/live.js';
import { LiveRows } from './lib/rows.js';
import { toast } from './lib/toast.js';

const root = $('#hospital');
const list = $('#list');
const form = $('#filters');
const rows = new LiveRows(root, document.scrollingElement);

async function catchUp() {
  const table = $('table[data-cursor]', list);
  const fields = new URLSearchParams(new FormData(form));
  fields.delete('csrf_token');
  fields.set('since', table.dataset.cursor);
  const options = { headers: { Accept: 'text/html' } };
  const answer = fields.get('q')
    ? await send('POST', root.dataset.changes, fields, options) // a name never stands in an address
    : await send('GET', `${root.dataset.changes}?${fields}`, undefined, options);
  if (!answer.ok) throw new Offline(`changes: ${answer.status}`);
  if (!table.isConnected) return;
  table.dataset.cursor = answer.headers.get('X-Worklist-Cursor') ?? table.dataset.cursor;
  if (table.hidden && answer.text.includes('<tr')) location.reload(); // the first study ever: draw the whole list
  else rows.merge(answer.text);
  if (answer.text.includes('<tr')) refreshCounts();
}

let countsTimer = 0;
function refreshCounts() {
  if (countsTimer) return;
  countsTimer = setTimeout(async () => {
    countsTimer = 0;
    const counts = $('#counts');
    const answer = await send('GET', `${counts.dataset.counts}?state=${encodeURIComponent(form.elements.state.value)}`);
    if (answer.ok) counts.innerHTML = answer.text;
  }, 600);
}

async function prioritise(id, priority, before) {
  try {
    const answer = await send('POST', `/api/studies/${id}/priority`, { priority });
    if (!answer.ok) { toast(problem(answer), 'bad'); return; }
    toast(`Urgency is now ${priority === 'stat' ? 'STAT' : priority}.`, 'ok', before && { label: 'Undo', run: () => prioritise(id, before, null) });
    await catchUp();
  } catch (error) {
    if (!(error instanceof Offline)) throw error;
    toast('The server does not answer. Nothing was changed.', 'bad');
  }
}

list.addEventListener('click', (event) => {
  const choice = event.target.closest('[data-priority]');
  if (!choice) return;
  choice.closest('details').open = false;
  prioritise(choice.closest('tr').id.replace('study-', ''), choice.dataset.priority, choice.dataset.before);
});

document.addEventListener('htmx:afterSwap', (event) => { if (event.detail.target === list) rows.reset(); });
live(root.dataset.events, catchUp);
