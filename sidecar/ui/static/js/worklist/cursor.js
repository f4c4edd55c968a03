// The keyboard's row: moves with j and k, survives a redraw by its id, shows the row's second line below the list.

import { $, $$ } from '../lib/dom.js';

export class Cursor {
  constructor(root, line) {
    this.root = root;
    this.line = line;
    this.id = null;
    this.listeners = [];
    root.addEventListener('focusin', (event) => this.follow(event.target.closest('#rows > tr')));
    root.addEventListener('pointerover', (event) => this.describe(event.target.closest('#rows > tr')));
    root.addEventListener('pointerleave', () => this.describe(this.row));
  }

  get row() { return this.id ? document.getElementById(this.id) : null; }

  rows() { return $$('#rows > tr', this.root); }

  follow(row) {
    if (!row || row.id === this.id) return;
    this.row?.classList.remove('current');
    this.id = row.id;
    row.classList.add('current');
    this.describe(row);
    for (const listener of this.listeners) listener(row);
  }

  move(step) {
    const rows = this.rows();
    if (!rows.length) return;
    const at = rows.indexOf(this.row);
    const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: 'nearest' });
  }

  // After the list was redrawn: the same study if it is still there.
  restore() {
    if (this.row) this.row.classList.add('current'); else this.id = null;
  }

  describe(row) { if (this.line) this.line.textContent = row?.dataset.detail ?? ''; }
}
