// The second window: the viewer here talks to the report there. Only our own origin, only the frame and the opener.

const frame = document.querySelector('#viewer');
const here = window.location.origin;

window.addEventListener('message', (event) => {
  if (event.origin !== here || !window.opener) return;
  if (event.source === frame.contentWindow && event.data?.source === 'readingroom-viewer') window.opener.postMessage(event.data, here);
  if (event.source === window.opener && event.data?.source === 'readingroom-page') frame.contentWindow.postMessage(event.data, here);
});
