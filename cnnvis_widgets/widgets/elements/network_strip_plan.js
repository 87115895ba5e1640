// Where everything of the strip stands: plain numbers from its width, so that drawing is only copying.
const GAP = 8; // between thumbnails, in pixels
const HEAD = 30; // above the row: skip connections, and the title of the open block
const FOOT = 24; // below a thumbnail: the bar of its kinds and its label
const RAIL = 18; // below the labels: the sizes
const INLINE = 36; // the smallest thumbnail with which an open block stays in the row

// The items of the first row: the image, then blocks that belong to no stage; without blocks every layer.
function firstRow({ layers, blocks }) {
  if (!blocks.length) return [{ image: true }, ...layers.map((_, index) => ({ layer: index }))];
  const tops = blocks.map((block, index) => ({ block: index })).filter((item) => blocks[item.block].parent < 0);
  return [{ image: true }, ...tops];
}

// What an open block or stage holds.
function contents({ blocks }, index) {
  const { first, last } = blocks[index];
  const inner = blocks.map((block, number) => ({ block: number })).filter((item) => blocks[item.block].parent === index);
  return inner.length ? inner : Array.from({ length: last - first + 1 }, (_, place) => ({ layer: first + place }));
}

// The blocks that are open, from the outermost one.
function openPath({ blocks, open }) {
  const path = [];
  for (let index = open; index >= 0 && index < blocks.length; index = blocks[index].parent) path.unshift(index);
  return path;
}

// Thumbnails of one row from `left` on. `grown` is the item that is shown larger, by its place.
function row(items, { left, bottom, side, gap, aspect, grown }) {
  let x = left;
  return items.map((item, place) => {
    const width = place === grown ? Math.round(side * 1.4) : side;
    const height = Math.round(width * aspect);
    const placed = { ...item, left: x, top: bottom - height, width, height, gap };
    x += width + gap;
    return placed;
  });
}

// A small network: every layer in a labelled box; the boxes fill the row, and several rows where they must.
function planFew(data, width) {
  const items = firstRow(data);
  const rows = Math.max(1, Math.ceil((items.length * 62) / width));
  const each = Math.ceil(items.length / rows);
  const cell = Math.min(230, (width - GAP * (each - 1)) / each);
  const side = Math.max(24, Math.min((width > 1800 ? 96 : 72) / Math.max(1, data.aspect), cell - 12));
  const height = Math.round(side * data.aspect) + 60;
  const placed = items.map((item, place) => {
    const left = (place % each) * (cell + GAP);
    const top = HEAD - 10 + Math.floor(place / each) * (height + 22);
    const box = { left, top, width: cell, height };
    const thumbnail = { left: left + (cell - side) / 2, top: top + 6, width: side, height: Math.round(side * data.aspect) };
    return { ...item, ...thumbnail, box, gap: GAP };
  });
  return { items: placed, panels: [], rails: [], height: HEAD - 10 + rows * (height + 22) - 14 };
}

// A large network: blocks in a row. The open one unfolds in its place where there is room, else in a row of its own.
function planMany(data, width) {
  const path = openPath(data);
  let items = firstRow(data);
  const aspect = data.aspect;
  let inner = path.length === 1 ? contents(data, path[0]) : [];
  const chosen = inner.findIndex((item) => item.layer === data.chosen);
  const count = items.length - 1 + inner.length;
  const inlineSide = Math.floor((width - GAP * (count - 1) - 16) / (count + (chosen < 0 ? 0 : 0.4)));
  const inline = inner.length > 0 && inlineSide >= INLINE;
  const panels = [];
  let placed;
  let bottom;
  let gap = GAP;
  if (inline) {
    const side = Math.min(width > 1800 ? 70 : 48, inlineSide);
    bottom = HEAD + 14 + Math.round(side * aspect);
    const at = items.findIndex((item) => item.block === path[0]);
    placed = [];
    let left = 0;
    for (const [place, item] of items.entries()) {
      if (place !== at) placed.push(...row([item], { left, bottom, side, gap, aspect, grown: -1 }));
      else {
        const opened = row(inner, { left: left + 8, bottom, side, gap: gap - 2, aspect, grown: chosen });
        const end = opened.at(-1);
        const right = end.left + end.width + 8;
        panels.push({ block: path[0], left, top: HEAD - 14, width: right - left, height: bottom + FOOT - HEAD + 16 });
        placed.push(...opened);
        left = right + gap;
        continue;
      }
      left = placed.at(-1).left + placed.at(-1).width + gap;
    }
    stretch(placed, panels, width);
  } else {
    gap = width / items.length > 46 ? GAP : 4;
    const side = Math.max(18, Math.min(width > 1800 ? 84 : 52, Math.floor((width - gap * (items.length - 1)) / items.length)));
    gap = items.length > 1 ? Math.min(16, (width - side * items.length) / (items.length - 1)) : gap;
    bottom = HEAD + Math.round(side * aspect);
    placed = row(items, { left: 0, bottom, side, gap, aspect, grown: -1 });
  }
  const rails = railsOf(data, placed);
  let height = bottom + FOOT + RAIL;
  rails.forEach((rail) => (rail.top = bottom + FOOT + 4));
  if (!inline) for (const index of path) height = openBelow(data, index, placed, panels, width, height);
  return { items: placed, panels, rails, height };
}

// The row of an open block of its own, below what is there already. Returns the new height.
function openBelow(data, index, placed, panels, width, top) {
  const inner = contents(data, index);
  const padding = 10;
  const inside = width - 2 * padding;
  const each = Math.max(1, Math.min(inner.length, Math.floor((inside + 6) / (30 + 6))));
  const side = Math.max(24, Math.min(width > 900 ? 60 : 48, Math.floor((inside - 6 * (each - 1)) / each)));
  const tall = Math.round(side * data.aspect);
  const gap = Math.min(14, each > 1 ? (inside - side * each) / (each - 1) : 6);
  const step = tall + FOOT + 8;
  const start = top + 10;
  for (let first = 0; first < inner.length; first += each) {
    const bottom = start + 28 + tall + (first / each) * step;
    const items = row(inner.slice(first, first + each), { left: padding, bottom, side, gap, aspect: data.aspect, grown: -1 });
    placed.push(...items.map((item) => ({ ...item, row: index + 1 })));
  }
  const height = 28 + Math.ceil(inner.length / each) * step + 4;
  const above = placed.find((item) => item.block === index);
  panels.push({ block: index, left: 0, top: start, width, height, nib: above && above.left + above.width / 2 });
  return start + height;
}

// Spreads a row that is too short over the whole width.
function stretch(placed, panels, width) {
  const last = placed.at(-1);
  const room = width - (last.left + last.width);
  if (room <= 0) return;
  const [panel] = panels;
  const outside = placed.filter((item) => item.left < panel.left || item.left > panel.left + panel.width);
  const share = Math.min(14, room / Math.max(1, outside.length));
  let shift = 0;
  let passed = false;
  for (const item of placed) {
    const inPanel = item.left >= panel.left && item.left <= panel.left + panel.width;
    if (inPanel && !passed) {
      passed = true;
      panel.shift = shift;
    }
    item.shift = shift;
    if (!inPanel) shift += share;
  }
  placed.forEach((item) => (item.left += item.shift));
  panel.left += panel.shift ?? 0;
}

// One line for neighbours of one size, which says the size once.
function railsOf(data, placed) {
  const rails = [];
  for (const item of placed) {
    if (item.row) continue;
    const size = item.image ? data.image : data.layers[item.layer ?? data.blocks[item.block].shown].size;
    const last = rails.at(-1);
    if (last && last.size === size) last.width = item.left + item.width - last.left;
    else rails.push({ size, left: item.left, width: item.width });
  }
  return rails;
}

// The number of the layer whose thumbnail an item shows.
const shownLayer = (data, item) => item.layer ?? data.blocks[item.block]?.shown;

// Lines from layer to layer that a row of neighbours does not tell: skip connections and branches.
function arcsOf(data, items) {
  const holder = new Map(); // of each layer: the smallest item that holds it
  for (const item of [...items].sort((a, b) => size(b) - size(a))) {
    if (item.image) holder.set(-1, item);
    else if (item.layer !== undefined) holder.set(item.layer, item);
    else for (let layer = data.blocks[item.block].first; layer <= data.blocks[item.block].last; layer++) holder.set(layer, item);
  }
  function size(item) {
    return item.block === undefined ? 0 : data.blocks[item.block].last - data.blocks[item.block].first + 1;
  }
  const arcs = new Map();
  for (const [from, to, addition] of data.links) {
    const [start, end] = [holder.get(from), holder.get(to)];
    if (to === from + 1 || !start || !end || start === end) continue; // neighbours need no line
    const [a, b] = start.row === end.row ? [start, end] : [outer(start), outer(end)];
    if (!a || !b || a === b) continue;
    arcs.set(`${items.indexOf(a)} ${items.indexOf(b)}`, { a, b, addition });
  }
  // Seen from outside its row, an item of an open block is the block's thumbnail in the row above.
  function outer(item) {
    let index = item.row === undefined ? undefined : item.row - 1;
    let found = item;
    while (index !== undefined && found.row !== undefined) {
      found = items.find((other) => other.block === index && other !== item);
      if (!found) return null;
      index = found.row === undefined ? undefined : found.row - 1;
    }
    return found;
  }
  return [...arcs.values()].slice(0, 80);
}

const plan = (data, width) => (data.blocks.length ? planMany(data, width) : planFew(data, width));
