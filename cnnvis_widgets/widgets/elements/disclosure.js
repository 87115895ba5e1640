// A button that shows or hides the part after it: a fold in the page, or a menu that lies over it.
const ICONS = {
  menu: '<circle cx="3" cy="8" r="1.2"/><circle cx="8" cy="8" r="1.2"/><circle cx="13" cy="8" r="1.2"/>',
};

function render({ model, el }) {
  const button = document.createElement("button");
  const kind = model.get("kind");
  button.type = "button";
  button.className = kind === "menu" ? "cnnvis-icon" : "cnnvis-unfold";
  button.title = model.get("tooltip");
  el.classList.add("cnnvis-disclosure", `cnnvis-disclosure-${kind}`);
  el.append(button);
  if (kind === "menu") {
    button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true" fill="currentColor">${ICONS.menu}</svg>`;
    button.setAttribute("aria-label", model.get("description"));
  } else {
    button.textContent = model.get("description");
  }

  function show() {
    const open = model.get("unfolded");
    el.classList.toggle("cnnvis-open", open);
    button.setAttribute("aria-expanded", open);
  }
  function open(value) {
    if (model.get("unfolded") === value) return;
    model.set("unfolded", value);
    model.save_changes();
  }
  const toggle = () => open(!model.get("unfolded"));
  // A menu closes as menus do: by Escape, by a click beside it, and when the focus leaves it.
  const inside = (target) => el.contains(target) || el.nextElementSibling?.contains(target);
  function leave(event) {
    if (kind === "menu" && !inside(event.target)) open(false);
  }
  function escape(event) {
    if (event.key !== "Escape" || kind !== "menu" || !model.get("unfolded") || !inside(event.target)) return;
    event.stopPropagation();
    open(false);
    button.focus();
  }
  button.addEventListener("click", toggle);
  document.addEventListener("pointerdown", leave);
  document.addEventListener("focusin", leave);
  document.addEventListener("keydown", escape, true);
  model.on("change:unfolded", show);
  show();
  return () => {
    document.removeEventListener("pointerdown", leave);
    document.removeEventListener("focusin", leave);
    document.removeEventListener("keydown", escape, true);
    model.off("change:unfolded", show);
  };
}

export default { render };
