// On every page: theme, zone, menus, dialogs, messages, shortcuts, clocks, session end, htmx.

import { $, $$, meta, remember } from './lib/dom.js';
import { problem } from './lib/http.js';
import { on } from './lib/keys.js';
import { keepSession } from './lib/session.js';
import { tick } from './lib/time.js';
import { toast } from './lib/toast.js';

function chooseTheme(choice) {
  remember('theme', choice);
  if (choice === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  for (const button of $$('[data-theme-choice]')) button.setAttribute('aria-pressed', String(button.dataset.themeChoice === choice));
}

function chooseZone() {
  remember('zone', Intl.DateTimeFormat().resolvedOptions().timeZone);
  location.reload();
}

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog && !dialog.open) dialog.showModal();
}

document.addEventListener('click', (event) => {
  const target = event.target;
  for (const menu of $$('details.menu[open]')) if (!menu.contains(target)) menu.open = false;
  const theme = target.closest('[data-theme-choice]');
  if (theme) chooseTheme(theme.dataset.themeChoice);
  if (target.closest('[data-zone-choice]')) chooseZone();
  const opener = target.closest('[data-open]');
  if (opener) { opener.closest('details.menu')?.removeAttribute('open'); openDialog(opener.dataset.open); }
  if (target.closest('[data-close]')) target.closest('dialog')?.close();
  if (target.matches('dialog')) target.close();
  if (target.closest('[data-print]')) window.print();
  const word = target.closest('[data-toast]');
  if (word) toast(word.dataset.toast, 'ok');
  if (target.closest('[data-dismiss]')) target.closest('.toast').remove();
});

document.addEventListener('keydown', (event) => {
  const menu = event.key === 'Escape' && $('details.menu[open]');
  if (!menu) return;
  menu.open = false;
  $('summary', menu).focus();
});

// A form that answers with a file leaves its page as it is.
document.addEventListener('submit', (event) => {
  if (event.target.matches('form[data-download]')) setTimeout(() => event.target.closest('dialog')?.close());
});

on('?', () => openDialog('shortcuts'));
on('/', () => { const box = $('input[type="search"]'); box?.focus(); box?.select(); });
if ($('#write-addendum')) on('a', () => $('#write-addendum button:enabled')?.click());
for (const link of $$('[data-go]')) on(`g ${link.dataset.go}`, () => link.click());

document.addEventListener('htmx:configRequest', (event) => { event.detail.headers['X-CSRFToken'] = meta('csrf-token'); });
document.addEventListener('htmx:sendError', () => toast('The server does not answer. Nothing was changed.', 'bad'));
document.addEventListener('htmx:responseError', (event) => {
  const { xhr } = event.detail;
  if (xhr.status === 401) document.dispatchEvent(new Event('unauthenticated'));
  const page = new DOMParser().parseFromString(xhr.responseText, 'text/html');
  toast(page.querySelector('.note .grow, .empty p')?.textContent.trim() || problem({ status: xhr.status }), 'bad');
});
// Views answer with HX-Trigger: {"toast": {"text": …, "kind": …}}.
document.addEventListener('toast', (event) => toast(event.detail.text, event.detail.kind));
document.addEventListener('htmx:afterSwap', tick);

// On a phone the navigation and tabs scroll sideways; the bell's number takes room away from the navigation.
const showCurrent = () => { for (const current of $$('.nav [aria-current], .tabs [aria-current]')) current.scrollIntoView({ block: 'nearest', inline: 'center' }); };
showCurrent();
document.addEventListener('htmx:load', (event) => { if (event.target.id === 'bell') showCurrent(); });
for (const box of $$('[data-flashed]:not([role="alert"])')) setTimeout(() => box.remove(), 9000);
tick();
setInterval(tick, 1000);
keepSession();
