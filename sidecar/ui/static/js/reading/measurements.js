// The tray: what was drawn in the images, inserted into the findings at the caret with a click or Alt+M.

import { $, icon, make } from '../lib/dom.js';

const place = (m) => [m.SeriesNumber && `series ${m.SeriesNumber}`, m.InstanceNumber && `image ${m.InstanceNumber}`].filter(Boolean).join(', ');
const sentence = (m) => `${m.label ? `${m.label}: ` : ''}${m.text}${place(m) ? ` (${place(m)})` : ''}`;

export class Measurements {
  constructor(list, viewer, write) {
    Object.assign(this, { list, viewer, write });
    this.known = new Map();
    viewer.on('viewer-ready', () => viewer.tell('measurements'));
    viewer.on('measurement', ({ change, measurement }) => this.take(change, measurement));
  }

  take(change, measurement) {
    if (change === 'removed') this.known.delete(measurement.uid);
    else this.known.set(measurement.uid, { ...this.known.get(measurement.uid), ...measurement });
    this.draw();
  }

  draw() {
    $('#measurement-hint').hidden = this.known.size > 0;
    this.list.replaceChildren(...[...this.known.values()].reverse().map((m) => this.item(m)));
  }

  item(m) {
    const insert = make('button', { class: 'button quiet', type: 'button', title: 'Write it at the caret (Alt+M inserts the latest)' }, icon('plus'), 'Insert');
    const jump = make('button', { class: 'button quiet only', type: 'button', title: 'Show in the images', 'aria-label': 'Show in the images' }, icon('eye'));
    insert.addEventListener('click', () => this.insert(m));
    jump.addEventListener('click', () => this.viewer.tell('jump', { uid: m.uid, SOPInstanceUID: m.SOPInstanceUID, SeriesInstanceUID: m.SeriesInstanceUID }));
    return make('li', { 'data-uid': m.uid, class: m.used ? 'used' : '' },
      make('span', { class: 'grow clip' }, m.text || m.tool), make('span', { class: 'small faint nowrap' }, place(m)), jump, insert);
  }

  insert(m) {
    this.write(sentence(m));
    m.used = true;
    this.draw();
  }

  insertLatest() {
    const latest = [...this.known.values()].filter((m) => !m.used).pop() ?? [...this.known.values()].pop();
    if (latest) this.insert(latest);
  }
}
