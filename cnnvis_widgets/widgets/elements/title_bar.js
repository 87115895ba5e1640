// The first line: what network this is. A button beside it fills the screen with the explorer.
function render({ model, el }) {
  const title = document.createElement("div");
  const facts = document.createElement("div");
  title.className = "cnnvis-title";
  title.setAttribute("role", "heading");
  title.setAttribute("aria-level", "2");
  facts.className = "cnnvis-facts";
  el.classList.add("cnnvis-title-bar");
  el.append(title, facts);
  function show() {
    title.textContent = model.get("title");
    facts.textContent = model.get("facts");
  }
  model.on("change:title change:facts", show);
  show();
  return () => model.off("change:title change:facts", show);
}

export default { render };
