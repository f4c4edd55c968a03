// Writing at the caret, text macros, moving between sections. Inserted text can be undone with Ctrl+Z like typed text.

import { $, $$ } from '../lib/dom.js';

export class Writing {
  constructor(form) {
    this.form = form;
    this.areas = $$('textarea[data-section]', form);
    this.last = $('[name="findings"]', form) ?? this.areas[0];
    form.addEventListener('focusin', (event) => { if (this.areas.includes(event.target)) this.last = event.target; });
    form.addEventListener('keydown', (event) => { if (event.key === 'Tab' && !event.shiftKey) this.expand(event); });
    form.addEventListener('input', (event) => grow(event.target));
    document.addEventListener('keydown', (event) => this.goTo(event));
    $('#macros')?.addEventListener('click', (event) => this.pick(event.target.closest('[data-macro]')));
    this.areas.forEach(grow);
  }

  goTo(event) {
    const number = event.altKey && /^Digit([1-9])$/.exec(event.code)?.[1];
    const area = number && this.areas[number - 1];
    if (area) { event.preventDefault(); area.focus(); }
  }

  // A space keeps words apart; an empty line is left as it is.
  insert(text, area = this.last) {
    area.focus();
    const before = area.value.slice(0, area.selectionStart);
    typeInto(area, before && !/\s$/.test(before) ? ` ${text}` : text);
  }

  pick(button) {
    if (!button) return;
    $('#macros').open = false;
    const wanted = this.areas.find((area) => area.name === button.dataset.into);
    this.insert($('[data-text]', button).textContent, wanted ?? this.last);
  }

  expand(event) {
    const area = event.target;
    const caret = area.selectionStart;
    const key = /\S+$/.exec(area.value.slice(0, caret))?.[0];
    const macro = key && $$('[data-macro]').find((button) => button.dataset.macro === key);
    if (!macro) return;
    event.preventDefault();
    area.setSelectionRange(caret - key.length, caret);
    typeInto(area, $('[data-text]', macro).textContent);
  }
}

function typeInto(area, text) {
  // The one way that keeps the browser's own undo; where it is gone, the value is set and reported.
  if (document.execCommand('insertText', false, text)) return;
  area.setRangeText(text, area.selectionStart, area.selectionEnd, 'end');
  area.dispatchEvent(new Event('input', { bubbles: true }));
}

function grow(area) {
  if (CSS.supports('field-sizing', 'content')) return;
  area.style.height = 'auto';
  area.style.height = `${area.scrollHeight + 2}px`;
}
