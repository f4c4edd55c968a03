// Short messages about the outcome of an act. Bad news stays until dismissed.

import { $, icon, make } from './dom.js';

const SHAPE = { ok: 'check', warn: 'warning', bad: 'warning' };

// action: {label, run}
export function toast(text, kind = '', action = null) {
  const close = make('button', { class: 'button quiet only', type: 'button', title: 'Dismiss', 'aria-label': 'Dismiss' }, icon('close'));
  const box = make('div', { class: 'toast', role: kind === 'bad' ? 'alert' : 'status' },
    make('span', { class: `tone-${kind || 'faint'}` }, icon(SHAPE[kind] ?? 'info')), make('span', { class: 'text' }, text));
  const remove = () => box.remove();
  if (action) {
    const button = make('button', { class: 'button quiet', type: 'button' }, action.label);
    button.addEventListener('click', () => { remove(); action.run(); });
    box.append(button);
  }
  close.addEventListener('click', remove);
  box.append(close);
  $('#toasts').append(box);
  if (kind !== 'bad') setTimeout(remove, action ? 9000 : 5000);
}
