// The pages of a share link: the token leaves the address at once, and a slider turns through a series.

const door = document.getElementById('shared-door');
const token = location.hash.slice(1);
if (door && token) {
  history.replaceState(null, '', location.pathname);
  const field = door.elements.token;
  if (field) { field.value = token; door.requestSubmit(); }
}

for (const stack of document.querySelectorAll('.shared-stack')) {
  const slider = stack.querySelector('input');
  const image = stack.querySelector('img');
  if (!slider) continue;
  let waiting = 0;
  const turn = () => {
    stack.querySelector('[data-number]').textContent = slider.value;
    clearTimeout(waiting);  // only where the hand rests: a picture is made for each number asked for
    waiting = setTimeout(() => { image.src = `/shared/series/${stack.dataset.series}/${slider.value}.jpg`; }, 60);
  };
  slider.addEventListener('input', turn);
  image.addEventListener('wheel', (event) => {
    event.preventDefault();
    slider.value = String(Number(slider.value) + Math.sign(event.deltaY));
    turn();
  }, { passive: false });
}
