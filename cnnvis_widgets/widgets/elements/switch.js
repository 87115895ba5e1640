// A checkbox with its label, drawn by the styles of ipywidgets. Its own takes no tooltip once it has a label.
function render({ model, el }) {
  const label = Object.assign(document.createElement("label"), { className: "widget-label-basic" });
  const box = Object.assign(document.createElement("input"), { type: "checkbox" });
  const words = document.createElement("span");
  label.append(box, words);
  el.classList.add("widget-inline-hbox", "widget-checkbox");
  el.append(label);
  function update() {
    box.checked = model.get("value");
    box.disabled = model.get("disabled");
    words.textContent = model.get("description");
    label.title = model.get("tooltip");
  }
  box.addEventListener("change", () => {
    model.set("value", box.checked);
    model.save_changes();
  });
  const events = "change:value change:disabled change:description change:tooltip";
  model.on(events, update);
  update();
  return () => model.off(events, update);
}

export default { render };
