// The conversation with the images: in the frame beside the report, or in a second window. Origin and source are checked on each message.

import { $, $$ } from '../lib/dom.js';
import { toast } from '../lib/toast.js';
import { QuickLook } from './quicklook.js';

// Phones, also held sideways: too small for the viewer. css/reading.css has the same limits.
const SMALL = '(max-width: 719px), (max-height: 479px) and (max-width: 959px)';

export class Viewer {
  constructor(root) {
    this.root = root;
    this.frame = $('#viewer');
    this.address = this.frame.dataset.src;
    this.away = null;
    this.listeners = new Map();
    window.addEventListener('message', (event) => this.hear(event));
    root.addEventListener('click', (event) => this.compare(event.target.closest('[data-compare]')));
    $('#second-window')?.addEventListener('click', () => this.moveOut());
    $('#viewer-back').addEventListener('click', () => this.moveBack());
    this.small = window.matchMedia(SMALL);
    this.small.addEventListener('change', () => this.fit());
    this.fit();
    this.on('problem', (message) => toast(message.text ?? `The images could not be loaded (${message.status || 'no answer'}).`, 'warn'));
  }

  // A small screen never starts the viewer; one that has become small keeps it, with what was drawn, for when there is room again.
  fit() {
    if (this.small.matches) {
      this.look ??= new QuickLook($('#quicklook'), this.address);
      this.look.open($('[data-compare][aria-pressed="true"]', this.root)?.dataset.compare || undefined);
    } else if (!this.away && !this.frame.hasAttribute('src')) this.frame.src = this.address;
  }

  get window() { return this.away && !this.away.closed ? this.away : this.frame.contentWindow; }

  on(type, listener) { this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]); }

  hear(event) {
    if (event.origin !== location.origin || event.source !== this.window || event.data?.source !== 'readingroom-viewer') return;
    for (const listener of this.listeners.get(event.data.type) ?? []) listener(event.data);
  }

  tell(type, content = {}) { this.window.postMessage({ source: 'readingroom-page', type, ...content }, location.origin); }

  compare(button) {
    if (!button) return;
    for (const other of $$('[data-compare]', this.root)) other.setAttribute('aria-pressed', String(other === button));
    if (this.small.matches) this.look.open(button.dataset.compare || undefined);
    else if (button.dataset.compare) this.tell('compare', { StudyInstanceUID: button.dataset.compare });
    else this.tell('single');
  }

  moveOut() {
    this.away = window.open(this.root.dataset.images, 'readingroom-images', 'popup,width=1400,height=1000');
    if (!this.away) { toast('The browser did not open a second window. Allow pop-ups for this site.', 'warn'); return; }
    this.frame.removeAttribute('src');
    this.show(true);
    const watch = setInterval(() => {
      if (!this.away) clearInterval(watch);
      else if (this.away.closed) { clearInterval(watch); this.moveBack(); }
    }, 700);
  }

  moveBack() {
    this.away?.close();
    this.away = null;
    this.frame.src = this.address;
    this.show(false);
  }

  show(away) {
    this.root.classList.toggle('second-window', away);
    this.frame.hidden = away;
    $('#viewer-away').hidden = !away;
  }
}
