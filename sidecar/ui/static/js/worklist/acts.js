// What one does to a study from the list: claim, release, assign. The server answers with the row as it now is.

import { $ } from '../lib/dom.js';
import { Offline, problem, send } from '../lib/http.js';
import { toast } from '../lib/toast.js';

const study = (row) => row.id.replace('study-', '');

export class Acts {
  constructor(rows) {
    this.rows = rows;
    this.dialog = $('#assign');
    this.dialog?.addEventListener('submit', (event) => { event.preventDefault(); this.assign(event); });
  }

  async post(row, verb, body) {
    try {
      const fields = new URLSearchParams({ ...body, sort: $('input[name="sort"]')?.value ?? '' });
      const answer = await send('POST', `/worklist/${study(row)}/${verb}`, fields, { headers: { Accept: 'text/html', 'HX-Request': 'true' } });
      if (answer.ok) this.rows.merge(answer.text);
      else toast(this.words(answer), 'bad');
      return answer.ok;
    } catch (error) {
      if (!(error instanceof Offline)) throw error;
      toast('The server does not answer. Nothing was changed.', 'bad');
      return false;
    }
  }

  // HTML problems carry their sentence in a note.
  words(answer) {
    const note = new DOMParser().parseFromString(answer.text, 'text/html').querySelector('.note .grow p');
    return note?.textContent.trim() || problem(answer);
  }

  async claim(row) {
    if (row.dataset.may?.includes('claim') !== true) { toast(row.dataset.why || 'This study cannot be claimed by you.', 'warn'); return; }
    const done = await this.post(row, 'claim', {});
    if (done) toast('Claimed.', 'ok', { label: 'Undo', run: () => this.post(row, 'release', {}) });
  }

  async choose(row) {
    if (row.dataset.may?.includes('assign') !== true) { toast('Assigning is for managers of those who read it.', 'warn'); return; }
    this.target = row;
    const answer = await send('GET', `/worklist/${study(row)}/assign`);
    if (!answer.ok) { toast(this.words(answer), 'bad'); return; }
    $('.content', this.dialog).innerHTML = answer.text;
    this.before = $('input[name="reader"]:checked', this.dialog)?.value ?? '';
    this.dialog.showModal();
    $('input[name="reader"]:checked, input[name="reader"]', this.dialog)?.focus();
  }

  async assign(event) {
    const nobody = event.submitter?.name === 'reader';
    const reader = nobody ? '' : new FormData(event.target).get('reader') ?? '';
    const { target, before } = this;
    if (await this.post(target, 'assign', { reader })) {
      this.dialog.close();
      toast(reader ? 'Assigned.' : 'Given back to everybody.', 'ok', { label: 'Undo', run: () => this.post(target, 'assign', { reader: before }) });
    }
  }
}
