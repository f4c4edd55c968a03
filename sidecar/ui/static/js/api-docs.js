// The API's page: the field at the top finds a route, an address with #id opens it.

import { $, $$ } from './lib/dom.js';

const box = $('#find');

function narrow() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const each of $$('.operation')) {
    each.hidden = !words.every((word) => each.dataset.words.includes(word));
    shown += !each.hidden;
  }
  for (const group of $$('.resource')) group.hidden = !$('.operation:not([hidden])', group);
  $('#nothing').hidden = shown > 0;
}

function open() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named?.matches('details')) named.open = true;
}

box.addEventListener('input', narrow);
window.addEventListener('hashchange', open);
narrow();
open();
