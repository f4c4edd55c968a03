// One image at a time for small screens, where the viewer is unusable: swipe, drag the slider, or turn the wheel.

import { $, make } from '../lib/dom.js';

const AROUND = [1, 2, -1, 3, -2, 4, 5, 6]; // fetched beside the shown one, the way people go first
const KEPT = 60; // images held in memory; none is left in the browser's cache
const STEP = 10; // px of a swipe per image
const DICOM_JSON = { headers: { Accept: 'application/dicom+json' } };

// Tags: Modality 00080060, Series Description 0008103E, SOP Instance UID 00080018, Series Instance UID 0020000E,
// Series Number 00200011, Number of Frames 00280008, Rows 00280010.
const value = (row, tag) => row[tag]?.Value?.[0] ?? '';

async function ask(path) {
  const answer = await fetch(path, DICOM_JSON);
  if (!answer.ok) throw new Error(answer.status === 404 ? 'The images are no longer open. Reload the page.' : `The images could not be listed (${answer.status}).`);
  return answer.status === 204 ? [] : answer.json();
}

export class QuickLook {
  constructor(root, viewerAddress) {
    const asked = new URL(viewerAddress, location.origin).searchParams;
    this.study = asked.get('StudyInstanceUIDs');
    this.root = `/dicom-web/${asked.get('ctx')}/studies`;
    this.box = root;
    this.image = $('img', root);
    this.picker = $('select', root);
    this.slider = $('input', root);
    this.count = $('output', root);
    this.words = $('[role=status]', root);
    this.pictures = new Map(); // address → promise of a blob's address, oldest first
    this.stack = [];
    this.picker.addEventListener('change', () => this.guard(() => this.openSeries(this.picker.value)));
    this.slider.addEventListener('input', () => this.show(Number(this.slider.value) - 1));
    this.listenToFingers($('figure', root));
  }

  // Shows a study of the reading context: this one, or a prior.
  open(study = this.study) {
    if (study === this.opened) return;
    this.opened = study;
    this.guard(async () => {
      const found = (await ask(`${this.root}/${study}/series`)).filter((row) => !['SR', 'PR', 'KO'].includes(value(row, '00080060')));
      if (this.opened !== study) return;
      this.picker.replaceChildren(...found.map((row) => make('option', { value: value(row, '0020000E') },
        `${value(row, '00080060')} ${value(row, '0008103E') || `series ${value(row, '00200011')}`}`)));
      this.picker.hidden = found.length < 2;
      if (!found.length) throw new Error('There are no images yet.');
      await this.openSeries(this.picker.value);
    });
  }

  async openSeries(series) {
    const place = `${this.root}/${this.opened}/series/${series}/instances`;
    const rows = (await ask(place)).filter((row) => value(row, '00280010') !== '');
    if (!place.startsWith(`${this.root}/${this.opened}/`) || this.picker.value !== series) return;
    this.stack = rows.flatMap((row) => {
      const one = `${place}/${value(row, '00080018')}`;
      const frames = Number(value(row, '00280008')) || 1;
      return frames === 1 ? [`${one}/rendered`] : Array.from({ length: frames }, (_, i) => `${one}/frames/${i + 1}/rendered`);
    });
    this.slider.max = String(Math.max(this.stack.length, 1));
    this.slider.hidden = this.stack.length < 2;
    if (!this.stack.length) throw new Error('This series has no images that can be shown.');
    this.show(Math.floor((this.stack.length - 1) / 2));
  }

  async show(index) {
    this.at = Math.max(0, Math.min(this.stack.length - 1, index));
    const address = this.stack[this.at];
    this.slider.value = String(this.at + 1);
    this.count.textContent = `${this.at + 1} / ${this.stack.length}`;
    await this.guard(async () => {
      const picture = await this.fetch(address);
      if (this.stack[this.at] !== address) return;
      this.image.src = picture;
      this.image.alt = `${this.picker.selectedOptions[0].text}, image ${this.at + 1} of ${this.stack.length}`;
      for (const step of AROUND) if (this.stack[this.at + step]) this.fetch(this.stack[this.at + step]).catch(() => {}); // asked again when shown
    });
  }

  fetch(address) {
    const known = this.pictures.get(address);
    this.pictures.delete(address);
    const picture = known ?? this.load(address);
    this.pictures.set(address, picture);
    if (this.pictures.size > KEPT) this.forget(this.pictures.keys().next().value);
    return picture;
  }

  async load(address) {
    const answer = await fetch(address, { headers: { Accept: 'image/jpeg' } });
    if (!answer.ok) { this.pictures.delete(address); throw new Error(`This image could not be loaded (${answer.status}).`); }
    return URL.createObjectURL(await answer.blob());
  }

  forget(address) {
    this.pictures.get(address).then((picture) => URL.revokeObjectURL(picture), () => {}); // a failed one holds nothing
    this.pictures.delete(address);
  }

  async guard(work) {
    try {
      await work();
      this.words.textContent = '';
    } catch (error) {
      this.words.textContent = error instanceof TypeError ? 'The server does not answer.' : error.message;
    }
  }

  listenToFingers(area) {
    let from = null;
    area.addEventListener('pointerdown', (event) => { from = { x: event.clientX, at: this.at }; area.setPointerCapture(event.pointerId); });
    area.addEventListener('pointermove', (event) => { if (from) this.go(from.at + Math.round((from.x - event.clientX) / STEP)); });
    for (const end of ['pointerup', 'pointercancel']) area.addEventListener(end, () => { from = null; });
    area.addEventListener('wheel', (event) => { event.preventDefault(); this.go(this.at + Math.sign(event.deltaY)); }, { passive: false });
  }

  go(index) { if (this.stack.length && Math.max(0, Math.min(this.stack.length - 1, index)) !== this.at) this.show(index); }
}
