"use strict";
// Files are sent two at a time, one request per file. Names of files and models are untrusted:
// they are set as textContent, never as HTML.

const AT_ONCE = 2;
const form = document.getElementById("form");

if (form) {
  const drop = document.getElementById("drop");
  const chosen = document.getElementById("files");
  const results = document.getElementById("results");
  const clear = document.getElementById("clear");
  const most = Number(form.dataset.most);
  const mostBytes = Number(form.dataset.bytes);
  const queue = [];
  let total = 0, done = 0, running = 0, leftOut = 0;

  chosen.addEventListener("change", () => { add([...chosen.files]); chosen.value = ""; });
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["dragover", "dragleave", "drop"]) {
    // On the whole window: a file dropped beside the field must not replace the page.
    window.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") add([...event.dataTransfer.files]);
    });
  }
  clear.addEventListener("click", () => {
    results.replaceChildren();
    queue.length = 0;
    total = done = running;
    leftOut = 0;
    show();
    chosen.focus();
  });

  function add(files) {
    const free = Math.max(0, most - queue.length);
    leftOut = Math.max(0, files.length - free);
    for (const file of files.slice(0, free)) {
      const place = element("article", "tile");
      place.append(heading(file.name, "waiting"));
      results.append(place);
      queue.push([file, place]);
      total += 1;
    }
    show();
    while (running < AT_ONCE && queue.length) next();
  }

  async function next() {
    const job = queue.shift();
    if (!job) return;
    running += 1;
    const [file, place] = job;
    place.replaceChildren(...await answered(file));
    running -= 1;
    done += 1;
    show();
    next();
  }

  async function answered(file) {
    if (file.size > mostBytes) {
      return [heading(file.name), say("error", `The file is larger than ${mostBytes / 1e6} MB, the most that is accepted.`)];
    }
    const body = new FormData();
    body.append("files", file, file.name);
    try {
      const response = await fetch("predict?pictures=true", { method: "POST", body });
      // A proxy may return something other than JSON.
      const answer = await response.json().catch(() => ({}));
      const tile = answer.tiles?.[0] ?? { error: answer.error ?? `The server or a proxy returned status ${response.status}.` };
      return tileView(file.name, tile);
    } catch {
      return [heading(file.name), say("error", "No response: the server is not reachable, or the file cannot be read. Is her2bench serve still running?")];
    }
  }

  function show() {
    const left = leftOut ? ` At most ${most} at once: ${leftOut} left out.` : "";
    const state = total === 0 ? "" : done < total ? `${done} of ${total} tiles classified …` : `${total} ${total === 1 ? "tile" : "tiles"} classified.`;
    document.getElementById("progress").textContent = state + left;
    clear.hidden = total === 0;
  }

  function tileView(name, tile) {
    if (tile.error) return [heading(name), say("error", tile.error)];
    const parts = [heading(name, `${tile.width} × ${tile.height} px`)];
    if (tile.warnings.length) parts.push(unlike(tile.warnings));
    parts.push(verdict(tile));
    parts.push(...tile.notes.map((text) => say("note", text)));
    const views = element("div", "views");
    views.append(figure(tile.picture, null, "The tile", [element("span", "name", "Tile")]));
    for (const model of tile.models) {
      views.append(figure(tile.picture, model.heatmap, `Grad-CAM of ${model.name} over the tile`, caption(model)));
    }
    return [...parts, views];
  }

  function unlike(warnings) {
    const box = element("div", "warning"), list = element("ul", "");
    list.append(...warnings.map((text) => element("li", "", text)));
    box.append(element("strong", "", "Differs from the training tiles: do not rely on these predictions."), list);
    return box;
  }

  function verdict(tile) {
    const calls = tile.models.map((model) => model.call);
    const positive = calls.filter((call) => call === "positive").length;
    if (calls.length === 1) return element("p", "verdict", `One model: ${calls[0]}.`);
    if (tile.agree) return element("p", "verdict", `All ${calls.length} models agree: ${calls[0]}.`);
    return element("p", "verdict apart", `The models disagree: ${positive} positive, ${calls.length - positive} negative.`);
  }

  function caption(model) {
    const first = element("div", "");
    first.append(element("span", "name", model.name), " ", element("span", `call ${model.call}`, model.call));
    const runs = model.runs === 1 ? "1 run" : `mean of ${model.runs} runs`;
    const calibrated = model.calibrated ? "calibrated" : "not calibrated";
    const second = element("div", "number");
    // More digits where probability and threshold round to the same value.
    let digits = 0;
    while (digits < 3 && percent(model.probability, digits) === percent(model.threshold, digits)) digits += 1;
    second.append(
      `${percent(model.probability, digits)} `,
      element("span", "detail", `threshold ${percent(model.threshold, digits)}`),
    );
    const lines = [first, bar(model), second, element("div", "detail", `${calibrated}, ${runs}`)];
    if (model.scores) lines.push(scores(model.scores));
    if (!model.heatmap) lines.push(element("div", "detail", "no heatmap: the map is zero everywhere"));
    return lines;
  }

  function scores(probabilities) {
    const list = element("dl", "scores");
    for (const [score, probability] of Object.entries(probabilities)) {
      const track = svgElement("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
      track.append(
        svgElement("rect", { class: "track", width: 100, height: 10 }),
        svgElement("rect", { class: "share", width: 100 * probability, height: 10 }),
      );
      const value = element("dd", "", percent(probability, 0));
      value.prepend(track);
      list.append(element("dt", "", score), value);
    }
    return list;
  }

  function bar(model) {
    const svg = svgElement("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    svg.append(
      svgElement("rect", { class: "track", width: 100, height: 10 }),
      svgElement("rect", { class: model.call, width: 100 * model.probability, height: 10 }),
      svgElement("line", { class: "cut", x1: 100 * model.threshold, x2: 100 * model.threshold, y1: -2, y2: 12 }),
    );
    return svg;
  }

  function figure(picture, map, alt, lines) {
    const place = element("figure", ""), stack = element("span", "picture");
    stack.append(image(picture, alt, ""));
    if (map) stack.append(image(map, "", "map"));
    const words = element("figcaption", "");
    words.append(...lines);
    place.append(stack, words);
    return place;
  }

  function image(source, alt, kind) {
    const made = element("img", kind);
    if (source && source.startsWith("data:image/")) made.src = source;
    made.alt = alt;
    return made;
  }

  function heading(name, more) {
    const made = element("h2", "", name);
    if (more) made.append(" ", element("span", "size", more));
    return made;
  }

  function say(kind, text) { return element("p", kind, text); }

  function percent(value, digits) {
    const shown = 100 * value;
    return shown > 0 && shown < 1 ? "< 1%" : shown > 99 && shown < 100 ? "> 99%" : `${shown.toFixed(digits)}%`;
  }

  function element(kind, name, text) {
    const made = document.createElement(kind);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function svgElement(kind, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }
}
