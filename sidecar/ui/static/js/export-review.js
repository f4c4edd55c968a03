// Draws rectangles over a held image. The field holds the truth, in pixels of the image; what is drawn only shows it.

const canvas = document.querySelector('.canvas');
const field = document.querySelector('#masks');
const alike = document.querySelector('[data-alike]');

if (alike) {
  alike.addEventListener('change', () => {
    const form = alike.closest('form');
    form.querySelectorAll('[data-copied]').forEach((each) => each.remove());
    if (!alike.checked) return;
    const copies = document.querySelector('#alike').content.cloneNode(true);
    copies.querySelectorAll('input').forEach((each) => { each.dataset.copied = ''; });
    form.append(copies);
  });
}

if (canvas && field) {
  const layer = canvas.querySelector('.masks');
  const [rows, columns] = [Number(canvas.dataset.rows), Number(canvas.dataset.columns)];
  if (layer.dataset.masks) field.value = layer.dataset.masks.replace(/;$/, '');
  const read = () => field.value.split(';').map((each) => each.split(',').map(Number)).filter((each) => each.length === 4 && each.every(Number.isFinite));
  const show = (more) => {
    layer.replaceChildren(...[...read(), ...(more ? [more] : [])].map(([left, top, right, bottom]) => {
      const box = document.createElement('i');
      box.style.setProperty('left', `${(left / columns) * 100}%`);
      box.style.setProperty('top', `${(top / rows) * 100}%`);
      box.style.setProperty('width', `${((right - left) / columns) * 100}%`);
      box.style.setProperty('height', `${((bottom - top) / rows) * 100}%`);
      return box;
    }));
  };
  const at = (event) => {
    const frame = canvas.getBoundingClientRect();
    const share = (value) => Math.min(1, Math.max(0, value));
    return [Math.round(share((event.clientX - frame.left) / frame.width) * columns), Math.round(share((event.clientY - frame.top) / frame.height) * rows)];
  };
  const between = ([x1, y1], [x2, y2]) => [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
  let start = null;
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    start = at(event);
    canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  canvas.addEventListener('pointermove', (event) => { if (start) show(between(start, at(event))); });
  canvas.addEventListener('pointerup', (event) => {
    if (!start) return;
    const box = between(start, at(event));
    start = null;
    if (box[2] - box[0] > 1 && box[3] - box[1] > 1) field.value = [...read(), box].map((each) => each.join(',')).join(';');
    show();
  });
  canvas.addEventListener('pointercancel', () => { start = null; show(); });
  field.addEventListener('input', () => show());
  show();
}
