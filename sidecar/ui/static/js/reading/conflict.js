// Two windows wrote the same report: both texts side by side, and the reader chooses. Returns the sections to go on with.

import { $, make } from '../lib/dom.js';
import { timeOfDay } from '../lib/time.js';

function column(title, sections, other, keys) {
  const parts = keys.map((key) => {
    const differs = (sections[key] ?? '') !== (other[key] ?? '');
    return make('div', { class: differs ? 'differs' : '' }, make('h3', {}, key[0].toUpperCase() + key.slice(1)), make('pre', {}, sections[key] || '–'));
  });
  return make('section', {}, make('h2', {}, title), ...parts);
}

export function choose(theirs, mine) {
  const dialog = $('#conflict-dialog');
  const when = theirs.saved_at ? `, saved ${timeOfDay(new Date(theirs.saved_at))}` : '';
  const order = Object.keys(mine); // that of the page; JSON knows none
  $('#conflict').replaceChildren(column('Mine, on this page', mine, theirs.sections, order), column(`${theirs.saved_by || 'The other window'}${when}`, theirs.sections, mine, order));
  return new Promise((resolve) => {
    let chosen = null;
    const end = (sections) => { chosen = sections; dialog.close(); resolve(sections); };
    $('#keep-mine').onclick = () => end(mine);
    $('#take-theirs').onclick = () => end({ ...mine, ...theirs.sections });
    // Closing without a choice would drop one of the two texts.
    dialog.onclose = () => { if (!chosen) open(); };
    const open = () => {
      dialog.showModal();
      // Not a button: whoever is typing just now must not choose with the next space.
      const title = $('h2', dialog);
      title.tabIndex = -1;
      title.focus();
    };
    open();
  });
}
