// Signing is a moment: everything saved, the text as it will be printed, the checks, then who it is: at the first signature of a
// session the password and a code or passkey, at each next one of them (the review says which).
// <method> <address> {revision, password, code, passkey, meaning}, If-Match: the revision → {next}; otherwise {message, code}.

import { $, $$ } from '../lib/dom.js';
import { Offline, problem, send } from '../lib/http.js';
import { toast } from '../lib/toast.js';
import { able, prove, refusal } from '../passkey.js';

export class Sign {
  // review: address of the text as it will be printed; of: id of what is signed, for a passkey's question.
  constructor({ review, method, address, of, draft, back }) {
    Object.assign(this, { review, method, address, of, draft, back });
    this.dialog = $('#sign-dialog');
    this.form = $('#sign-form');
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.submit(); });
    this.dialog.addEventListener('close', () => this.form.reset());
    $('#sign-with-code').addEventListener('click', () => this.ask('code'));
    $('#sign-passkey').addEventListener('click', () => this.withPasskey());
  }

  async open() {
    if (this.dialog.open) return;
    if (!(await this.draft.flush())) { toast('Not everything is saved yet, so this cannot be signed.', 'bad'); return; }
    const answer = await send('GET', this.review);
    if (!answer.ok) { toast(problem(answer), 'bad'); return; }
    $('#review').innerHTML = answer.text;
    this.reviewed = this.draft.revision;
    const blocked = Boolean($('[data-blocked]', this.dialog));
    this.ask($('[data-needs]', this.dialog).dataset.needs);
    $('#sign-passkey').hidden = blocked || !able || !$('[data-passkey]', this.dialog);
    $('button[type="submit"]', this.form).disabled = blocked;
    this.complain(blocked ? 'Not ready to be signed: see the marked checks.' : '');
    this.dialog.showModal();
    $$('.addendum', this.dialog).at(-1)?.scrollIntoView({ block: 'nearest' }); // what is signed now, under what was
    (blocked ? $('footer [data-close]', this.dialog) : this.form.elements['sign-password']).focus();
  }

  // needs: "both" | "one" (the password alone is shown) | "code" (a code in its place).
  ask(needs) {
    const { elements } = this.form;
    elements['sign-password'].required = needs !== 'code';
    elements['sign-code'].required = needs !== 'one';
    elements['sign-password'].closest('.field').hidden = needs === 'code';
    for (const part of $$('[data-signing="both"]', this.form)) part.hidden = needs === 'one';
    for (const part of $$('[data-signing="one"]', this.form)) part.hidden = needs !== 'one';
    if (needs === 'code') elements['sign-code'].focus();
    this.needs = needs;
  }

  async withPasskey() {
    const { elements } = this.form;
    if (this.needs === 'both' && !elements['sign-password'].reportValidity()) return;
    this.complain('');
    try {
      const passkey = await prove(`/account/passkeys/question?sign=${this.of}`);
      if (passkey) await this.submit(passkey);
    } catch (error) {
      this.complain(refusal(error));
    }
  }

  complain(text) {
    const box = $('#sign-error');
    box.textContent = text;
    box.hidden = !text;
  }

  async submit(passkey = '') {
    const { elements } = this.form;
    const button = $('button[type="submit"]', this.form);
    button.disabled = true;
    this.complain('');
    try {
      const answer = await send(this.method, this.address, {
        revision: this.reviewed, password: elements['sign-password'].value, code: elements['sign-code'].value, passkey, meaning: elements.meaning.value,
      }, { headers: { 'If-Match': `"${this.reviewed}"` } });
      if (answer.ok) { this.draft.close(); location.assign(answer.data.next ?? this.back); return; }
      this.complain(problem(answer));
    } catch (error) {
      if (!(error instanceof Offline)) throw error;
      this.complain('The server does not answer. Nothing was signed; try again.');
    }
    button.disabled = false;
    elements['sign-code'].value = '';
    (elements['sign-code'].required ? elements['sign-code'] : elements['sign-password']).focus();
  }
}
