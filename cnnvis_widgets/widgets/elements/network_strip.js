// A row of boxes, one for each layer: a list box for the keyboard and for screen readers.
const MOVES = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, PageUp: -10, PageDown: 10 };

function render({ model, el }) {
  const strip = document.createElement("div");
  const name = document.createElement("div");
  strip.className = "cnnvis-strip";
  name.className = "cnnvis-strip-name";
  strip.tabIndex = 0;
  strip.setAttribute("role", "listbox");
  strip.setAttribute("aria-label", "Layers in order");
  strip.setAttribute("aria-orientation", "horizontal");
  el.append(strip, name);
  const prefix = `cnnvis-layer-${Math.random().toString(36).slice(2)}`;
  let boxes = [];

  function build() {
    boxes = model.get("layers").map(([layer, text, family, height, width], place) => {
      const box = document.createElement("div");
      box.id = `${prefix}-${place}`;
      box.className = `cnnvis-strip-box cnnvis-strip-${family || "other"}`;
      box.setAttribute("role", "option");
      box.setAttribute("aria-label", text);
      box.title = text;
      box.dataset.layer = layer;
      box.style.height = `${height}px`;
      box.style.width = `${width}px`;
      return box;
    });
    strip.replaceChildren(...boxes);
    select();
  }
  function place() {
    return boxes.findIndex((box) => box.dataset.layer === model.get("selected"));
  }
  function select() {
    const chosen = place();
    boxes.forEach((box, index) => box.setAttribute("aria-selected", index === chosen));
    if (chosen < 0) return;
    const box = boxes[chosen];
    strip.setAttribute("aria-activedescendant", box.id);
    name.textContent = `${chosen + 1} of ${boxes.length}: ${box.title}`;
    // Only the strip scrolls: scrollIntoView would move the notebook too.
    strip.scrollLeft = box.offsetLeft - (strip.clientWidth - box.offsetWidth) / 2;
  }
  function choose(layer) {
    model.set("selected", layer);
    model.save_changes();
  }
  strip.addEventListener("click", (event) => {
    const box = event.target.closest(".cnnvis-strip-box");
    if (box) choose(box.dataset.layer);
  });
  strip.addEventListener("keydown", (event) => {
    const ends = { Home: -boxes.length, End: boxes.length };
    const by = MOVES[event.key] ?? ends[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    choose(boxes[Math.min(Math.max(0, place() + by), boxes.length - 1)].dataset.layer);
  });
  model.on("change:layers", build);
  model.on("change:selected", select);
  build();
  const attached = requestAnimationFrame(select); // it has no width before it is in the page
  return () => {
    cancelAnimationFrame(attached);
    model.off("change:layers", build);
    model.off("change:selected", select);
  };
}

export default { render };
