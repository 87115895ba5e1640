// Bars that can be clicked. The kernel sends the list; the number of the clicked class goes back.
function render({ model, el }) {
  function mark() {
    el.querySelectorAll("button[data-class]").forEach((button) =>
      button.setAttribute("aria-pressed", Number(button.dataset.class) === model.get("chosen"))
    );
  }
  function draw() {
    const focused = el.contains(document.activeElement) ? document.activeElement.dataset.class : undefined;
    el.innerHTML = model.get("value");
    mark();
    if (focused !== undefined) el.querySelector(`button[data-class="${focused}"]`)?.focus();
  }
  const choose = (event) => {
    const button = event.target.closest("button[data-class]");
    if (button) model.send({ event: "choose", class: Number(button.dataset.class) });
  };
  el.addEventListener("click", choose);
  model.on("change:value", draw);
  model.on("change:chosen", mark);
  draw();
  return () => {
    el.removeEventListener("click", choose);
    model.off("change:value", draw);
    model.off("change:chosen", mark);
  };
}

export default { render };
