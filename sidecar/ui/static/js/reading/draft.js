// The text is never lost: saved 800 ms after the first unsaved key, also while typing goes on; kept on the page while the
// server is away, retried until it is in.
// PUT <address> {revision, …words}, If-Match: the revision → {revision, saved_at};
// 412 → {message, revision, …words, saved_by, saved_at}. The words are a report's {sections}, or an addendum's {purpose, text}.
// Nothing is written to the browser's storage: a shared workstation must not keep patients' reports.

import { $$ } from '../lib/dom.js';
import { Offline, problem, refreshToken, send } from '../lib/http.js';

const SETTLE = 800; // ms a typed key waits at most
const RETRY = [1000, 2000, 4000, 8000, 15000];

const WORDS = {
  report: { pack: (sections) => ({ sections }), unpack: (data) => data?.sections },
  addendum: { pack: (words) => words, unpack: (data) => (data?.text === undefined ? undefined : { purpose: data.purpose, text: data.text }) },
};

export class Draft {
  // of: "report" | "addendum". show(state, moment): "saving" | "saved" | "unsaved" | "waiting" | "refused"; onConflict(theirs) is awaited: sections to go on with.
  constructor(form, { of, address, revision, show, onConflict }) {
    Object.assign(this, { form, address, revision: Number(revision), show, onConflict, ...WORDS[of] });
    this.dirty = false;
    this.failures = 0;
    this.timer = 0;
    this.lost = ''; // text whose save was sent and never answered
    this.farewell = ''; // text sent while leaving
    this.running = null;
    this.closed = false;
    form.addEventListener('input', () => this.touch());
    form.addEventListener('submit', (event) => event.preventDefault());
    document.addEventListener('visibilitychange', () => { if (document.hidden) this.flush(); });
    window.addEventListener('online', () => this.flush());
    window.addEventListener('pagehide', () => this.leave());
    window.addEventListener('beforeunload', (event) => { this.leave(); if (this.dirty && this.failures) event.preventDefault(); });
  }

  get sections() { return Object.fromEntries($$('[data-section]', this.form).map((area) => [area.name, area.value])); }

  set sections(values) {
    for (const area of $$('[data-section]', this.form)) area.value = values[area.name] ?? '';
  }

  touch() {
    if (this.closed) return;
    // Somebody who types without a pause is saved as well: the first key's clock is not set back by the next.
    if (!this.timer || this.failures) this.plan(SETTLE);
    this.dirty = true;
    if (!this.failures) this.show('unsaved');
  }

  plan(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), delay);
  }

  // Resolves to true when everything typed so far is saved.
  async flush() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.running) await this.running;
    if (!this.dirty || this.closed) return !this.dirty;
    this.running = this.save().finally(() => { this.running = null; });
    await this.running;
    return !this.dirty;
  }

  request(revision = this.revision, keepalive = false) {
    const headers = { 'If-Match': `"${revision}"` };
    return send('PUT', this.address, { revision, ...this.pack(this.sections) }, { headers, keepalive });
  }

  async save() {
    const sent = JSON.stringify(this.sections);
    if (!this.failures) this.show('saving');
    let answer;
    try {
      answer = await this.request();
      if (answer.status === 401 || answer.status === 403) {
        // Perhaps somebody signed in again in another tab: once more with the new session's token.
        const token = await refreshToken();
        answer = token.ok ? await this.request() : token;
      }
    } catch (error) {
      if (!(error instanceof Offline)) throw error;
      this.lost = sent;
      this.retry(error.message);
      return;
    }
    if (answer.ok) this.saved(answer.data, sent);
    else if ([409, 412].includes(answer.status) && this.unpack(answer.data)) await this.conflict(answer.data, sent);
    else if (answer.status >= 500 || answer.status === 401 || answer.status === 429) this.retry(problem(answer));
    else this.show('refused', problem(answer));
  }

  saved(data, sent) {
    this.revision = data.revision;
    this.failures = 0;
    this.dirty = JSON.stringify(this.sections) !== sent;
    this.show(this.dirty ? 'unsaved' : 'saved', data.saved_at);
    if (this.dirty) this.plan(SETTLE);
  }

  retry(reason) {
    this.show('waiting', reason);
    this.plan(RETRY[Math.min(this.failures, RETRY.length - 1)]);
    this.failures += 1;
  }

  async conflict(newer, sent) {
    const theirs = { ...newer, sections: this.unpack(newer) };
    const stored = JSON.stringify({ ...this.sections, ...theirs.sections });
    if (stored === sent) { this.saved(theirs, sent); return; }
    // A save whose answer was lost on the way comes back as a conflict with ourselves: go on from it.
    if (stored === this.lost) { this.revision = theirs.revision; this.plan(0); return; }
    this.show('waiting', 'Changed in another window.');
    this.sections = await this.onConflict(theirs, this.sections);
    this.revision = theirs.revision;
    this.failures = 0;
    this.dirty = true;
    this.plan(0);
  }

  // The server has a newer text: a page left a moment ago sent its last words after this one was drawn.
  async freshen(revision) {
    if (revision <= this.revision || this.dirty || this.running || this.closed) return;
    const answer = await send('GET', this.address.replace(/\/draft$/, ''));
    if (!answer.ok || this.dirty || this.running || this.closed) return;
    this.sections = this.unpack(answer.data);
    this.revision = answer.data.revision;
    this.show('saved', answer.data.saved_at);
  }

  // The page goes away: the browser finishes this request after us (its limit is 64 KB, some thirty pages of text).
  // A save still on its way will have made the next revision.
  leave() {
    const words = JSON.stringify(this.sections);
    if (!this.dirty || this.closed || this.farewell === words) return;
    this.farewell = words;
    this.request(this.revision + (this.running ? 1 : 0), true).catch(() => { this.failures += 1; });
  }

  close() {
    this.closed = true;
    this.dirty = false;
    clearTimeout(this.timer);
  }
}
