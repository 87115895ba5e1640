// The page marks widgets that lost their kernel by a class. Nothing in them works then, so nothing may look as if it did.
const GONE = "jupyter-widgets-disconnected";
const WORDS = "The kernel was restarted or stopped, and its explorer is gone. These are its last pictures: run the cell again.";

function render({ el }) {
  const note = document.createElement("div");
  note.className = "cnnvis-kernel-notice";
  note.setAttribute("role", "alert");
  note.hidden = true;
  el.append(note);

  let waiting = 0;
  const watch = new MutationObserver(update);
  function update() {
    const explorer = el.closest(".cnnvis-explorer");
    const gone = explorer.classList.contains(GONE);
    if (note.hidden !== gone) return;
    note.hidden = !gone;
    note.textContent = gone ? WORDS : "";
    for (const part of explorer.children) {
      if (!part.contains(el)) part.inert = gone;
    }
  }
  function start() {
    // the widget is put into the page after it was rendered
    const explorer = el.closest(".cnnvis-explorer");
    if (!explorer) {
      waiting = requestAnimationFrame(start);
      return;
    }
    watch.observe(explorer, { attributes: true, attributeFilter: ["class"] });
    update();
  }
  start();
  return () => {
    cancelAnimationFrame(waiting);
    watch.disconnect();
  };
}

export default { render };
