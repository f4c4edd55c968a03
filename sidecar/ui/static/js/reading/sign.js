// Signing is a moment: everything saved, the text as it will be printed, the checks, then password and code.
// POST /api/reports/<id>/sign {revision, password, code, meaning} → {next}; otherwise {message, code}.

import { $ } from '../lib/dom.js';
import { Offline, problem, send } from '../lib/http.js';
import { toast } from '../lib/toast.js';

export class Sign {
  constructor({ study, report, draft, back }) {
    Object.assign(this, { study, report, draft, back });
    this.dialog = $('#sign-dialog');
    this.form = $('#sign-form');
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.submit(); });
    this.dialog.addEventListener('close', () => this.form.reset());
  }

  async open() {
    if (this.dialog.open) return;
    if (!(await this.draft.flush())) { toast('Not everything is saved yet, so this cannot be signed.', 'bad'); return; }
    const answer = await send('GET', `/reading/${this.study}/review`);
    if (!answer.ok) { toast(problem(answer), 'bad'); return; }
    $('#review').innerHTML = answer.text;
    this.reviewed = this.draft.revision;
    const blocked = Boolean($('[data-blocked]', this.dialog));
    $('button[type="submit"]', this.form).disabled = blocked;
    this.complain(blocked ? 'Not ready to be signed: see the marked checks.' : '');
    this.dialog.showModal();
    (blocked ? $('footer [data-close]', this.dialog) : this.form.elements['sign-password']).focus();
  }

  complain(text) {
    const box = $('#sign-error');
    box.textContent = text;
    box.hidden = !text;
  }

  async submit() {
    const { elements } = this.form;
    const button = $('button[type="submit"]', this.form);
    button.disabled = true;
    this.complain('');
    try {
      const answer = await send('POST', `/api/reports/${this.report}/sign`, {
        revision: this.reviewed, password: elements['sign-password'].value, code: elements['sign-code'].value, meaning: elements.meaning.value,
      });
      if (answer.ok) { this.draft.close(); location.assign(answer.data.next ?? this.back); return; }
      this.complain(problem(answer));
    } catch (error) {
      if (!(error instanceof Offline)) throw error;
      this.complain('The server does not answer. Nothing was signed; try again.');
    }
    button.disabled = false;
    elements['sign-code'].value = '';
    elements['sign-code'].focus();
  }
}
