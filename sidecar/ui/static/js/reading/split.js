// The border between images and report: dragged, or moved with the arrow keys; its place is kept in a cookie.

import { remember } from '../lib/dom.js';

const NARROW = 25;
const WIDE = 60;

export function splitter(grid, bar) {
  const set = (share) => {
    const width = Math.round(Math.min(WIDE, Math.max(NARROW, share)));
    grid.style.setProperty('--report', `${width}%`);
    bar.setAttribute('aria-valuenow', String(width));
  };
  const kept = /(?:^|; )split=(\d+)/.exec(document.cookie)?.[1];
  if (kept) set(Number(kept));
  const keep = () => remember('split', bar.getAttribute('aria-valuenow'));

  bar.addEventListener('pointerdown', (event) => {
    bar.setPointerCapture(event.pointerId);
    grid.classList.add('dragging');
  });
  bar.addEventListener('pointermove', (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const frame = grid.getBoundingClientRect();
    set((100 * (frame.right - event.clientX)) / frame.width);
  });
  bar.addEventListener('lostpointercapture', () => { grid.classList.remove('dragging'); keep(); });
  bar.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: 2, ArrowRight: -2 }[event.key];
    if (!step) return;
    event.preventDefault();
    set(Number(bar.getAttribute('aria-valuenow')) + step);
    keep();
  });
}
