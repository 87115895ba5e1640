// How a number comes about: steps with grids of numbers. Play walks through the products and adds them up; a click on a
// number of the map below asks the kernel for that one.

const make = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const words = (value) => String(Number(value.toPrecision(4))).replace("-", "−");

function tableOf(rows, caption, press) {
  const table = make("table", "cnnvis-numbers");
  table.append(make("caption", "", caption));
  const cells = rows.map((row, down) => {
    const line = make("tr");
    const made = row.map((text, across) => {
      const cell = make("td");
      if (press) {
        const button = make("button", "", text);
        button.type = "button";
        button.title = "Tell how this number comes about";
        button.addEventListener("click", () => press(down, across));
        cell.append(button);
      } else cell.textContent = text;
      line.append(cell);
      return cell;
    });
    table.append(line);
    return made;
  });
  return { table, cells: cells.flat() };
}

// The products of a step, each a beat: the cells that light up, and the words.
function addGrid(step, grid, beats, running, press) {
  const row = make("div", "cnnvis-product");
  const inside = grid.weights ? "numbers" : "numbers of the window";
  const first = tableOf(grid.inputs, [grid.name, inside].filter(Boolean).join(": "), press && ((y, x) => press(grid, y, x)));
  row.append(first.table);
  const second = grid.weights && tableOf(grid.weights, "weights");
  if (second) row.append(make("span", "cnnvis-times", "×"), second.table);
  grid.products.flat().forEach((product, at) => {
    const cells = [first.cells[at], second && second.cells[at]].filter(Boolean);
    if (grid.weights) {
      running.sum += product;
      beats.push({ cells, text: `${first.cells[at].textContent} × ${second.cells[at].textContent} = ${words(product)}; sum so far ${words(running.sum)}` });
    } else if (grid.switch === at) beats.push({ cells, text: `${words(product)} is the largest` });
  });
  if (grid.switch !== undefined && grid.switch !== null) first.cells[grid.switch].classList.add("cnnvis-switch");
  step.append(row);
}

function addTerms(step, terms, beats) {
  const list = make("ul", "cnnvis-terms");
  terms.forEach((term) => {
    const item = make("li", "", `${term.name}: ${term.words} ${term.words ? "= " : ""}${term.product}`);
    list.append(item);
    if (beats) beats.push({ cells: [item], text: item.textContent });
  });
  if (terms.length) step.append(list);
}

function forward(scene, beats, press) {
  const part = make("div", "cnnvis-steps");
  scene.forward.forEach((told, number) => {
    const step = make("div", "cnnvis-number-step");
    const line = make("div", "", told.words);
    step.append(make("div", "cnnvis-number-title", `${number + 1}. ${told.title}`), line);
    const running = { sum: 0 };
    told.grids.forEach((grid) => addGrid(step, grid, beats, running, number === 0 ? press : null));
    addTerms(step, told.terms, beats);
    if (told.result) {
      const result = make("div", "cnnvis-number-result", `gives ${told.result}`);
      step.append(result);
      beats.push({ cells: [result], text: `${told.title} gives ${told.result}` });
    } else beats.push({ cells: [line], text: `${told.title}: ${told.words}` });
    part.append(step);
  });
  return part;
}

function backward(scene) {
  const part = make("div", "cnnvis-steps");
  scene.backward.forEach((told, number) => {
    const step = make("div", "cnnvis-number-step");
    step.append(make("div", "cnnvis-number-title", `${number + 1}. Back through: ${told.title}`), make("div", "", told.words));
    const columns = make("div", "cnnvis-rules");
    told.columns.forEach((column) => {
      const rule = make("div", "cnnvis-rule");
      rule.append(make("div", "cnnvis-number-rule", column.rule), make("div", "", column.words));
      column.grids.forEach((grid) => rule.append(tableOf(grid.inputs, grid.name || "goes down").table));
      addTerms(rule, column.terms);
      columns.append(rule);
    });
    step.append(columns);
    part.append(step);
  });
  return part;
}

function render({ model, el }) {
  el.classList.add("cnnvis-number");
  let beats = [], at = -1, timer = null;
  const said = make("div", "cnnvis-number-said");
  said.setAttribute("role", "status");
  const buttons = ["Back", "Play", "Next"].map((label) => {
    const button = make("button", "jupyter-button widget-button cnnvis-beat", label);
    button.type = "button";
    return button;
  });
  const [back, play, next] = buttons;
  back.title = "The product before this one";
  play.title = "Walk through the products, one after the other";
  next.title = "The next product";
  const pause = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  function show(to) {
    beats[at]?.cells.forEach((cell) => cell.classList.remove("cnnvis-lit"));
    at = Math.max(-1, Math.min(to, beats.length - 1));
    beats[at]?.cells.forEach((cell) => cell.classList.add("cnnvis-lit"));
    said.textContent = beats[at]?.text ?? "";
    back.disabled = at < 0;
    next.disabled = at >= beats.length - 1;
    if (at >= beats.length - 1) pause();
  }
  back.addEventListener("click", () => (pause(), show(at - 1)));
  next.addEventListener("click", () => (pause(), show(at + 1)));
  play.addEventListener("click", () => {
    if (timer) return pause();
    if (at >= beats.length - 1) show(-1);
    play.textContent = "Pause";
    timer = setInterval(() => show(at + 1), model.get("pace"));
  });
  function draw() {
    pause();
    const scene = model.get("scene");
    el.replaceChildren();
    beats = [];
    if (!scene.forward) return;
    const bar = make("div", "cnnvis-number-bar");
    bar.append(...buttons, said);
    const press = (grid, y, x) => model.send({ event: "below", row: y, column: x, channel: grid.channel ?? null });
    const ways = make("div", "cnnvis-ways");
    ways.append(make("div", "cnnvis-number-way", "Forwards: how the value comes about"), forward(scene, beats, scene.below && press));
    ways.append(make("div", "cnnvis-number-way", "Backwards: what the projection sends down"), backward(scene));
    el.append(make("div", "cnnvis-number-head", scene.title), bar, ways);
    show(-1);
  }
  model.on("change:scene", draw);
  draw();
  return () => {
    pause();
    model.off("change:scene", draw);
  };
}

export default { render };
