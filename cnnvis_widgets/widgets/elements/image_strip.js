// The images that can be fed, as thumbnails: a list box. The kernel sends one picture (a sprite) with all of them.
const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

function render({ model, el }) {
  const list = document.createElement("div");
  list.className = "cnnvis-images";
  list.tabIndex = 0;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Image");
  list.setAttribute("aria-orientation", "horizontal");
  el.classList.add("cnnvis-images-view");
  el.append(list);
  const prefix = `cnnvis-image-${Math.random().toString(36).slice(2)}`;
  let address = "";
  let images = [];

  function build() {
    const [height, width] = model.get("tile");
    const columns = model.get("columns");
    const count = model.get("count");
    images = model.get("names").map((name, at) => {
      const image = document.createElement("div");
      image.id = `${prefix}-${at}`;
      image.className = "cnnvis-image";
      image.title = name;
      image.setAttribute("role", "option");
      image.setAttribute("aria-label", name);
      const [wide, high] = width > height ? [40, (40 * height) / width] : [(40 * width) / height, 40];
      Object.assign(image.style, { width: `${wide}px`, height: `${high}px` });
      if (at < count && address) {
        image.style.backgroundImage = `url(${address})`;
        image.style.backgroundSize = `${columns * wide}px auto`;
        image.style.backgroundPosition = `${-(at % columns) * wide}px ${-Math.floor(at / columns) * high}px`;
      } else image.textContent = at + 1;
      return image;
    });
    list.replaceChildren(...images);
    select();
  }
  function select() {
    const chosen = model.get("chosen");
    images.forEach((image, at) => image.setAttribute("aria-selected", at === chosen));
    if (!images[chosen]) return;
    list.setAttribute("aria-activedescendant", images[chosen].id);
    const { offsetLeft, offsetWidth } = images[chosen];
    const out = offsetLeft < list.scrollLeft || offsetLeft + offsetWidth > list.scrollLeft + list.clientWidth;
    if (out) list.scrollLeft = offsetLeft - (list.clientWidth - offsetWidth) / 2;
  }
  function choose(at) {
    if (at < 0 || at >= images.length) return;
    model.set("chosen", at);
    model.save_changes();
  }
  function newSprite() {
    if (address) URL.revokeObjectURL(address);
    const bytes = model.get("sprite");
    address = bytes?.byteLength ? URL.createObjectURL(new Blob([bytes])) : "";
    build();
  }
  list.addEventListener("click", (event) => choose(images.indexOf(event.target.closest(".cnnvis-image"))));
  list.addEventListener("keydown", (event) => {
    const ends = { Home: 0, End: images.length - 1 };
    const at = ends[event.key] ?? model.get("chosen") + (STEPS[event.key] ?? NaN);
    if (Number.isNaN(at) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    choose(at);
  });
  const listeners = { sprite: newSprite, names: build, chosen: select };
  for (const [trait, listener] of Object.entries(listeners)) model.on(`change:${trait}`, listener);
  newSprite();
  const attached = requestAnimationFrame(select);
  return () => {
    cancelAnimationFrame(attached);
    if (address) URL.revokeObjectURL(address);
    for (const [trait, listener] of Object.entries(listeners)) model.off(`change:${trait}`, listener);
  };
}

export default { render };
