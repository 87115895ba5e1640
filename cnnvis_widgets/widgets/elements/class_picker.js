// A search field over the list of the matching classes. The page searches, so that the list follows the keys while the
// kernel is busy. The number of the chosen class goes to the kernel, and not its place in a list that changes.
function field(control, title, kind) {
  const row = Object.assign(document.createElement("label"), { className: `jupyter-widgets widget-inline-hbox ${kind}` });
  const name = Object.assign(document.createElement("span"), { className: "widget-label", textContent: title });
  control.setAttribute("aria-label", title); // without it, the name would be the text of the whole row, with all options
  row.style.width = "auto";
  name.style.width = "70px";
  row.append(name, control);
  return row;
}

function render({ model, el }) {
  const search = document.createElement("input");
  const list = document.createElement("select");
  const chosen = Object.assign(document.createElement("div"), { className: "cnnvis-note" });
  search.type = "text"; // ipywidgets styles no other kind
  search.placeholder = "part of a name, or a number";
  search.title = "Type a part of a class's name, of its scientific name, or its number; Enter chooses the first one";
  list.title = "The class that is asked about or dreamt of";
  chosen.setAttribute("aria-live", "polite");
  el.append(field(search, "Find class", "widget-text"), field(list, "Class", "widget-select"), chosen);

  let labels, options;

  function read() {
    const unnamed = (name, number) => name.endsWith(` ${number}`); // "class 3"
    labels = model.get("classes").map((name, number) => (unnamed(name, number) ? name : `${number} · ${name}`));
    const synonyms = model.get("synonyms");
    options = labels.map((label, number) => Object.assign(new Option(label, number), { title: synonyms[number] ?? "" }));
    list.size = Math.min(8, Math.max(2, options.length));
    find();
  }
  function mark() {
    const target = model.get("target");
    list.value = target; // no option, where the chosen class does not match
    chosen.textContent = `Chosen class: ${labels[target] ?? "none"}`;
  }
  function find() {
    const words = search.value.toLowerCase().split(/\s+/);
    const matches = ({ text, title }) => words.every((word) => `${text} ${title}`.toLowerCase().includes(word));
    list.replaceChildren(...options.filter(matches));
    mark();
  }
  function follow() {
    if (list.contains(options[model.get("target")])) return mark(); // the list stays scrolled where it is
    search.value = "";
    find();
  }
  function choose(number) {
    model.set("target", Number(number));
    model.save_changes();
  }
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && list.length) choose(list.options[0].value);
  });
  list.addEventListener("change", () => choose(list.value));
  model.on("change:target", follow);
  model.on("change:classes", read);
  read();
  return () => {
    model.off("change:target", follow);
    model.off("change:classes", read);
  };
}

export default { render };
