// Passkeys: asks the browser for one and puts its answer, as JSON, into the form that is then sent.
// A browser without them gets no button.

import { $, $$ } from './lib/dom.js';
import { Offline, problem, send } from './lib/http.js';

// A passkey is for a host name; at a mere address browsers refuse (W3C Web Authentication, effective domain).
const named = !/^[\d.]+$|:/.test(location.hostname);
export const able = named && Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);

function say(form, text) {
  const box = $('[data-passkey-fault]', form);
  box.textContent = text;
  box.hidden = !text;
}

async function options(address) {
  const answer = await send('GET', address, undefined, { headers: { Accept: 'application/json' } });
  if (answer.data?.code === 'step-up') { location.assign(`/account/confirm?next=${encodeURIComponent(location.pathname)}`); return null; }
  if (!answer.ok) throw new Error(problem(answer));
  return answer.data;
}

// Resolves to the answer's JSON text, or null when its owner stopped.
export async function prove(address) {
  const asked = await options(address);
  if (!asked) return null;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked);
  return JSON.stringify((await navigator.credentials.get({ publicKey })).toJSON());
}

async function create(address) {
  const asked = await options(address);
  if (!asked) return null;
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked);
  return JSON.stringify((await navigator.credentials.create({ publicKey })).toJSON());
}

// What to tell a person when the browser refuses (W3C Web Authentication, the errors of create and get).
export function refusal(error) {
  if (error instanceof Offline) return 'The server does not answer. Try again.';
  if (error.name === 'InvalidStateError') return 'This device is registered already.';
  if (error.name === 'NotAllowedError') return 'No passkey was used. Try again, or enter a code.';
  if (error.name === 'SecurityError') return 'Passkeys do not work at this address.';
  return error.message;
}

async function attempt(form, make, field) {
  say(form, '');
  try {
    const answer = await make();
    if (answer === null) return;
    field.value = answer;
    form.submit();
  } catch (error) {
    say(form, refusal(error));
  }
}

for (const button of $$('[data-passkey-get]')) {
  button.hidden = !able;
  button.addEventListener('click', () => attempt(button.form, () => prove(button.dataset.passkeyGet), $('[data-passkey-answer]', button.form)));
}
for (const form of $$('[data-passkey-create]')) {
  form.hidden = !able;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(form, () => create(form.dataset.passkeyCreate), form.elements.credential);
  });
}
for (const note of $$('[data-passkey-none]')) note.hidden = able;
