// Moments and deadlines that keep up with the clock. Same words as sidecar/ui/words.py (`remaining`, `relative`).

import { $$, icon, meta } from './dom.js';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SOON = 30 * MINUTE;

// Workstation clocks drift; deadlines are the server's.
const skew = meta('now') ? Date.parse(meta('now')) - Date.now() : 0;
export const now = () => Date.now() + skew;

export function spanWords(seconds) {
  const whole = Math.floor(Math.abs(seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < 2 * DAY) return `${Math.floor(whole / HOUR)} h ${String(Math.floor((whole % HOUR) / MINUTE)).padStart(2, '0')}`;
  return `${Math.floor(whole / DAY)} d`;
}

export function remaining(left) {
  if (left < 0) return [`${spanWords(left)} late`, 'overdue'];
  return [spanWords(left), left <= SOON ? 'soon' : 'ok'];
}

export function relative(seconds) {
  const span = Math.abs(seconds);
  if (span < MINUTE) return 'just now';
  const figure = span < HOUR ? `${Math.floor(span / MINUTE)} min` : `${Math.floor(span / HOUR)} h`;
  return seconds > 0 ? `${figure} ago` : `in ${figure}`;
}

export const timeOfDay = (moment = new Date(now())) => moment.toLocaleTimeString('en-GB', { timeZone: meta('zone') || 'UTC' });

function tickClock(element, moment) {
  const [text, state] = remaining((Date.parse(element.dateTime) - moment) / 1000);
  const words = element.querySelector('span');
  if (words.textContent !== text) words.textContent = text;
  if (element.dataset.state === state) return;
  element.dataset.state = state;
  element.querySelector('svg')?.remove();
  if (state !== 'ok') element.prepend(icon(state === 'overdue' ? 'overdue' : 'clock'));
}

export function tick() {
  const moment = now();
  for (const element of $$('time[data-clock]')) tickClock(element, moment);
  for (const element of $$('time[data-when]')) {
    const seconds = (moment - Date.parse(element.dateTime)) / 1000;
    const text = relative(seconds);
    if (Math.abs(seconds) < DAY && element.textContent !== text) element.textContent = text;
  }
}
