"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const menus = ["view", "title", "photo"];
const montage = at("montage"), large = at("large");
let sheet, grid, chosen = 0, wanted = 0;

/** Fill the menus from the first to the last: each lists what there is for the choices before it. */
function fill() {
  let left = data.sheets;
  for (const name of menus) {
    const menu = at(name), before = menu.value;
    const options = [...new Set(left.map((each) => each[name]))];
    menu.replaceChildren(...options.map((text) => new Option(text || "none", text)));
    menu.value = options.includes(before) ? before : options[0];
    left = left.filter((each) => each[name] === menu.value);
  }
  open(left[0]);
}

async function open(next) {
  const turn = ++wanted, picture = new Image();
  picture.src = next.picture;
  await picture.decode();
  if (turn !== wanted) return; // another choice came meanwhile
  const same = sheet && sheet.title === next.title ? sheet.channels[chosen] : undefined;
  sheet = next;
  read(picture);
  draw();
  const photo = data.photos[sheet.photo];
  at("fed").hidden = !photo;
  if (photo) at("picture").src = photo;
  at("picture").alt = at("picture-name").textContent = `The image as fed: ${sheet.photo}`;
  at("about").textContent = sheet.about;
  at("all").hidden = sheet.channels.length === 1 && !sheet.space;
  select(sheet.channels.includes(same) ? sheet.channels.indexOf(same) : sheet.first);
}

/** Decode a picture into ``grid``: its levels, where there are values, and the coloured pixels. */
function read(picture) {
  const surface = document.createElement("canvas");
  surface.width = picture.naturalWidth;
  surface.height = picture.naturalHeight;
  const pen = surface.getContext("2d", {willReadFrequently: true});
  pen.drawImage(picture, 0, 0);
  grid = {surface, levels: null, width: surface.width};
  at("scale").hidden = !sheet.space;
  if (!sheet.space) return;
  const pixels = pen.getImageData(0, 0, surface.width, surface.height), bytes = pixels.data;
  const table = sheet.low < 0 ? data.tables.signed : data.tables.rising;
  grid.levels = new Uint8Array(bytes.length / 4);
  for (let place = 0; place < grid.levels.length; place++) {
    const level = (grid.levels[place] = bytes[4 * place]);
    for (let part = 0; part < 3; part++) bytes[4 * place + part] = table[3 * level + part];
  }
  pen.putImageData(pixels, 0, 0);
  const bar = at("bar").getContext("2d");
  for (let level = 0; level < 256; level++) {
    bar.fillStyle = `rgb(${table.slice(3 * level, 3 * level + 3).join(",")})`;
    bar.fillRect(level, 0, 1, 1);
  }
  at("lowest").textContent = number(sheet.low);
  at("highest").textContent = number(sheet.low + 255 * sheet.step);
}

/** Copy the tiles onto the montage, apart from each other and in whole multiples of their size. */
function draw() {
  const [height, width] = sheet.tile, count = sheet.channels.length;
  const rows = Math.ceil(count / sheet.columns);
  const zoom = Math.max(1, Math.floor(900 / (sheet.columns * width)));
  // a signal is a strip, high enough to be seen
  const tall = sheet.space && sheet.space.length === 1 ? Math.max(1, Math.min(16, width >> 2)) : 1;
  const gap = Math.max(1, Math.round((sheet.columns * width * zoom) / 300));
  grid.step = [height * zoom * tall + gap, width * zoom + gap];
  grid.size = [height * zoom * tall, width * zoom];
  montage.width = sheet.columns * grid.step[1] - gap;
  montage.height = rows * grid.step[0] - gap;
  montage.classList.toggle("smooth", !sheet.space);
  montage.setAttribute("aria-label", `${sheet.view} of ${sheet.title}: ${count} for ${sheet.photo || "no image"}`);
  const pen = montage.getContext("2d");
  pen.imageSmoothingEnabled = false;
  sheet.channels.forEach((_, place) => copy(pen, place, ...corner(place), grid.size));
  grid.clean = pen.getImageData(0, 0, montage.width, montage.height);
}

function corner(place) {
  return [(place % sheet.columns) * grid.step[1], Math.floor(place / sheet.columns) * grid.step[0]];
}

function copy(pen, place, x, y, [height, width]) {
  const [rows, columns] = sheet.tile;
  const left = (place % sheet.columns) * columns, top = Math.floor(place / sheet.columns) * rows;
  pen.drawImage(grid.surface, left, top, columns, rows, x, y, width, height);
}

function select(place) {
  chosen = place;
  const pen = montage.getContext("2d"), [x, y] = corner(place), [height, width] = grid.size;
  pen.putImageData(grid.clean, 0, 0);
  const thick = Math.max(2, Math.round(montage.width / 250));
  pen.lineWidth = thick;
  pen.strokeStyle = "#ff9800";
  pen.strokeRect(x + thick / 2, y + thick / 2, width - thick, height - thick);
  const zoom = Math.max(1, Math.floor(480 / Math.max(...sheet.tile)));
  const tall = sheet.tile[0] === 1 ? Math.min(32, sheet.tile[1]) : 1;
  [large.height, large.width] = [sheet.tile[0] * zoom * tall, sheet.tile[1] * zoom];
  large.classList.toggle("smooth", !sheet.space);
  const brush = large.getContext("2d");
  brush.imageSmoothingEnabled = !sheet.space;
  copy(brush, place, 0, 0, [large.height, large.width]);
  at("note").textContent = `Map ${sheet.channels[place]} of ${sheet.title}: ${sheet.notes[place]}`;
  if (sheet.view === "Deep dream") at("note").textContent = sheet.notes[place];
  large.setAttribute("aria-label", at("note").textContent);
}

/** Which tile a pointer is over, and where in it as fractions; undefined between tiles. */
function under(event) {
  const place = montage.getBoundingClientRect();
  const x = ((event.clientX - place.left) * montage.width) / place.width;
  const y = ((event.clientY - place.top) * montage.height) / place.height;
  const column = Math.floor(x / grid.step[1]), row = Math.floor(y / grid.step[0]);
  const inside = [(y - row * grid.step[0]) / grid.size[0], (x - column * grid.step[1]) / grid.size[1]];
  const index = row * sheet.columns + column;
  const hit = inside.every((part) => part >= 0 && part < 1) && column < sheet.columns && index >= 0;
  return hit && index < sheet.channels.length ? [index, ...inside] : undefined;
}

/** Tell the value of a unit: of a tile, at fractions of its height and width. */
function tell(index, down, along) {
  let text = `map ${sheet.channels[index]} · ${sheet.notes[index]}`;
  if (sheet.space) {
    const [rows, columns] = sheet.tile, row = Math.floor(down * rows), column = Math.floor(along * columns);
    const top = Math.floor(index / sheet.columns) * rows, left = (index % sheet.columns) * columns;
    const level = grid.levels[(top + row) * grid.width + left + column];
    let rest = row * columns + column;
    const unit = sheet.space.map((size, axis) => {
      const below = sheet.space.slice(axis + 1).reduce((product, each) => product * each, 1);
      const index = Math.floor(rest / below);
      rest %= below;
      return index * sheet.stride;
    });
    text = `map ${sheet.channels[index]}${unit.length ? `, unit ${unit.join(", ")}` : ""}: `;
    text += number(sheet.low + sheet.step * level);
  }
  at("readout").textContent = text;
}

const number = (value) => String(Number(value.toPrecision(3)));

montage.addEventListener("pointermove", (event) => {
  const found = under(event);
  if (found) tell(...found);
  else at("readout").textContent = "";
});
large.addEventListener("pointermove", (event) => {
  const place = large.getBoundingClientRect(), within = (part) => Math.min(0.9999, Math.max(0, part));
  tell(chosen, within((event.clientY - place.top) / place.height), within((event.clientX - place.left) / place.width));
});
montage.addEventListener("click", (event) => {
  const found = under(event);
  if (found) select(found[0]);
});
montage.addEventListener("keydown", (event) => {
  const last = sheet.channels.length - 1;
  const moves = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -sheet.columns, ArrowDown: sheet.columns};
  const next = {Home: 0, End: last}[event.key] ?? chosen + moves[event.key];
  if (Number.isNaN(next)) return;
  event.preventDefault();
  if (next >= 0 && next <= last) {
    select(next);
    tell(next, 0, 0);
  }
});
at("menus").addEventListener("change", fill);
at("menus").addEventListener("submit", (event) => event.preventDefault());
if (data.leftOut) {
  at("left-out").hidden = false;
  at("left-out").textContent = `${data.leftOut} older results did not fit into this file.`;
}
if (data.sheets.length) fill();
else at("about").textContent = "Nothing had been computed when this page was saved.";
