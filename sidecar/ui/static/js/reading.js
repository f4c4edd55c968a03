// The reading page: wires images, draft, measurements, lock and signature together.

import { $, icon, make } from './lib/dom.js';
import { problem, send } from './lib/http.js';
import { on } from './lib/keys.js';
import { timeOfDay } from './lib/time.js';
import { choose } from './reading/conflict.js';
import { Draft } from './reading/draft.js';
import { Lock } from './reading/lock.js';
import { Measurements } from './reading/measurements.js';
import { Sign } from './reading/sign.js';
import { splitter } from './reading/split.js';
import { Viewer } from './reading/viewer.js';
import { Writing } from './reading/writing.js';

const root = $('#reading');
// What is written here: a report, an addendum, or nothing; and where it is saved, held, reviewed and signed.
const { of, id, address, lock, review, method, sign: signing, revision, back } = root.dataset;
const viewer = new Viewer(root);
splitter(root, $('#split'));
on('g w', () => location.assign(back));

function trouble(title, text) {
  const box = $('#trouble');
  box.hidden = !title;
  if (!title) { box.replaceChildren(); return; }
  box.replaceChildren(make('div', { class: 'note bad', role: 'alert' }, icon('warning'),
    make('div', { class: 'grow' }, make('strong', {}, title), make('p', { class: 'muted' }, text))));
}

const STATES = {
  unsaved: () => 'writing…',
  saving: () => 'saving…',
  saved: (moment) => `saved ${timeOfDay(moment ? new Date(moment) : undefined)}`,
  waiting: () => 'not saved, trying again',
  refused: () => 'not saved',
};

function show(state, detail) {
  const sign = $('#save-state');
  sign.dataset.state = state === 'refused' ? 'waiting' : state;
  sign.textContent = STATES[state](detail);
  if (state === 'waiting') trouble('Not saved yet', `${detail} Your text stays on this page and is sent as soon as possible. Keep this page open.`);
  else if (state === 'refused') trouble('This text cannot be saved', `${detail} Copy it before you leave this page.`);
  else if (state === 'saved') trouble('');
}

// Thrown away as it is on this page, and not before it is saved: somebody else's newer words are not ours to lose.
async function discard(draft) {
  $('#discard-dialog').close();
  if (!(await draft.flush())) { trouble('The addendum was not thrown away', 'Not everything on this page is saved yet.'); return; }
  const answer = await send('DELETE', address, undefined, { headers: { 'If-Match': `"${draft.revision}"` } });
  if (answer.ok) { draft.close(); location.reload(); return; }
  trouble('The addendum was not thrown away', problem(answer));
}

function write() {
  const form = $('#report-form');
  const draft = new Draft(form, { of, address, revision, show, onConflict: choose });
  const writing = new Writing(form);
  const measurements = new Measurements($('#measurements'), viewer, (text) => writing.insert(text));
  const sign = $('#sign-dialog') && $('#sign') ? new Sign({ review, method, address: signing, of: id, draft, back }) : null;
  const shortcuts = {
    save: () => { draft.dirty = true; draft.flush(); },
    sign: () => sign?.open(),
    help: () => $('#shortcuts').showModal(),
    escape: () => writing.last.focus(),
  };
  new Lock(lock, {
    onLost: (reason) => trouble(`You no longer write this ${of}`, `${reason} Your text so far is saved.`),
    onRevision: (newest) => draft.freshen(newest),
  });
  on('Ctrl+Enter', shortcuts.save);
  on('Ctrl+Shift+S', shortcuts.sign);
  $('#discard-form')?.addEventListener('submit', (event) => { event.preventDefault(); discard(draft); });
  if (of === 'addendum') writing.last.focus();
  $('#save').addEventListener('click', shortcuts.save);
  $('#sign')?.addEventListener('click', shortcuts.sign);
  viewer.on('shortcut', ({ key }) => shortcuts[key]?.());
  document.addEventListener('keydown', (event) => {
    if (event.altKey && event.code === 'KeyM') { event.preventDefault(); measurements.insertLatest(); }
  });
}

if (of) write();
