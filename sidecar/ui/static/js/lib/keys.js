// One keyboard map for the page. Plain letters are dead inside fields; combinations with Ctrl work everywhere.

const actions = new Map();
let prefix = '';
let prefixTimer = 0;

// keys: "j", "?", "g w" (one after the other), "Ctrl+Enter", "Ctrl+Shift+S". ⌘ counts as Ctrl.
export const on = (keys, action) => actions.set(keys.toLowerCase(), action);

const typing = (target) => target.closest?.('input, textarea, select, [contenteditable]');

function name(event) {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey)) return key;
  return `ctrl+${event.shiftKey ? 'shift+' : ''}${key}`;
}

document.addEventListener('keydown', (event) => {
  if (event.altKey || event.defaultPrevented || event.isComposing) return;
  const pressed = name(event);
  const combined = pressed.startsWith('ctrl+');
  if (!combined && (typing(event.target) || document.querySelector('dialog[open]'))) return;
  const keys = prefix ? `${prefix} ${pressed}` : pressed;
  clearTimeout(prefixTimer);
  prefix = '';
  const action = actions.get(keys);
  if (action) {
    event.preventDefault();
    action(event);
  } else if (!combined && [...actions.keys()].some((known) => known.startsWith(`${keys} `))) {
    prefix = keys;
    prefixTimer = setTimeout(() => { prefix = ''; }, 1200);
  }
});

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && typing(event.target)) event.target.blur();
});
