// Requests to our own origin: cookie, CSRF header, JSON or form in, parsed answer out.

import { meta } from './dom.js';

export class Offline extends Error {}

// Returns {ok, status, headers, data, text}; `data` is set when the answer is JSON. Throws Offline when nobody answers.
// A 401 is told to the document as `unauthenticated`: whoever keeps the session asks whether it is over.
export async function send(method, path, body, { headers = {}, keepalive = false } = {}) {
  const plain = body === undefined || body instanceof URLSearchParams || body instanceof FormData;
  const request = {
    method,
    keepalive,
    credentials: 'same-origin',
    headers: { Accept: 'application/json, text/html;q=0.9', 'X-CSRFToken': meta('csrf-token'), ...headers },
    body: plain ? body : JSON.stringify(body),
  };
  if (!plain) request.headers['Content-Type'] = 'application/json';
  let answer;
  let text;
  try {
    answer = await fetch(path, request);
    text = await answer.text();
  } catch (error) {
    throw new Offline('The server does not answer.', { cause: error });
  }
  if (answer.status === 401) document.dispatchEvent(new Event('unauthenticated'));
  const json = (answer.headers.get('Content-Type') ?? '').includes('json');
  return { ok: answer.ok, status: answer.status, headers: answer.headers, text, data: json ? JSON.parse(text) : null };
}

// After signing in again in another tab this page's token is a stranger's: ask for the new session's. Returns the answer: 401 as
// long as nobody is signed in.
export async function refreshToken() {
  const answer = await send('GET', '/session/token', undefined, { headers: { Accept: 'application/json' } });
  if (answer.ok) document.head.querySelector('meta[name="csrf-token"]').content = answer.data.token;
  return answer;
}

// What to tell a person about an answer that was not ok.
export function problem(answer) {
  if (answer.data?.message) return answer.data.message;
  if (answer.status === 401) return 'You were signed out. Sign in again in another tab, then retry.';
  return `The server answered ${answer.status}. Try again; if it stays, tell support.`;
}
