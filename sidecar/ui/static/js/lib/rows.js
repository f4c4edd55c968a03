// Live rows: replaced where they stand, inserted quietly, held back whenever an insertion would move what is looked at.

import { $, $$ } from './dom.js';
import { tick } from './time.js';

const HOVER_REST = 4000; // ms without pointer movement after which the pointer no longer counts as "looking"

export class LiveRows {
  // root holds #fresh (the "3 new" button) and, after each htmx swap anew, table > tbody#rows with data-direction.
  constructor(root, scroller) {
    this.root = root;
    this.scroller = scroller;
    this.held = new Map();
    this.known = new Map();
    this.hovered = null;
    this.movedAt = 0;
    this.fresh = $('#fresh', root);
    this.fresh.addEventListener('click', () => this.release());
    root.addEventListener('pointermove', (event) => { this.hovered = event.target.closest('#rows > tr'); this.movedAt = Date.now(); });
    root.addEventListener('pointerleave', () => { this.hovered = null; });
    scroller.addEventListener('scroll', () => this.settle(), { passive: true });
  }

  get body() { return $('#rows', this.root); }

  // After a full swap of the list nothing is held any more.
  reset() {
    this.held.clear();
    this.known.clear();
    this.announce();
  }

  // html: rows as the server draws them; a row with data-gone no longer belongs to this view.
  merge(html) {
    const template = document.createElement('template');
    template.innerHTML = html;
    for (const row of $$('tr[id]', template.content)) this.take(row);
    this.settle();
    tick();
  }

  take(row) {
    const drawn = row.outerHTML;
    const present = document.getElementById(row.id);
    const gone = row.hasAttribute('data-gone');
    if (!present) {
      if (gone) this.held.delete(row.id); else this.held.set(row.id, row);
      return;
    }
    if (this.known.get(row.id) === drawn) return;
    this.known.set(row.id, drawn);
    if (gone) { present.classList.add('gone'); return; }
    const focused = present === document.activeElement;
    row.classList.add('changed');
    if (present.classList.contains('current')) row.classList.add('current');
    if (this.hovered === present) this.hovered = row;
    present.replaceWith(row);
    if (focused) row.focus({ preventScroll: true });
  }

  place(row) {
    const down = this.body.dataset.direction === 'desc';
    return $$('tr', this.body).find((other) => (down ? other.dataset.sort < row.dataset.sort : other.dataset.sort > row.dataset.sort)) ?? null;
  }

  // The row being looked at: the keyboard's, or the pointer's while it moves.
  watched() {
    return $('tr.current', this.body) ?? (this.hovered && Date.now() - this.movedAt < HOVER_REST ? this.hovered : null);
  }

  atTop() { return this.scroller.scrollTop <= 4 && window.scrollY <= 4; }

  settle() {
    if (!this.body) return;
    if (this.held.size && this.atTop()) {
      const watched = this.watched();
      for (const row of [...this.held.values()]) {
        const before = this.place(row);
        const moves = watched && before && (before === watched || before.compareDocumentPosition(watched) & Node.DOCUMENT_POSITION_FOLLOWING);
        if (!moves) this.insert(row, before);
      }
    }
    this.announce();
  }

  insert(row, before) {
    this.held.delete(row.id);
    this.known.set(row.id, row.outerHTML);
    row.classList.add('new');
    this.body.insertBefore(row, before);
    $('.list-empty', this.root)?.remove();
  }

  release() {
    for (const row of [...this.held.values()]) this.insert(row, this.place(row));
    for (const row of $$('tr.gone', this.body)) row.remove();
    this.announce();
    this.scroller.scrollTo({ top: 0 });
    tick();
    $('tr.new', this.body)?.focus({ preventScroll: true });
  }

  announce() {
    const stat = [...this.held.values()].filter((row) => row.dataset.urgency === '1').length;
    this.fresh.hidden = this.held.size === 0;
    $('span', this.fresh).textContent = `${this.held.size} new${stat ? `, ${stat} STAT` : ''}`;
  }
}
