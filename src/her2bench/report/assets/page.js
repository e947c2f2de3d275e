// Copies tables and the methods paragraph, sets the heatmap opacity, and opens details for print.
(() => {
  "use strict";
  const text = (cell) => cell.textContent.replace(/\s+/g, " ").trim();
  const asTsv = (table) =>
    [...table.rows].map((row) => [...row.cells].map(text).join("\t")).join("\n");

  function copyOld(content) {
    const area = document.createElement("textarea");
    area.value = content;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }

  async function copy(content) {
    try {
      await navigator.clipboard.writeText(content);
      return true;
    } catch {
      return copyOld(content); // no clipboard without permission, or from some file:// pages
    }
  }

  document.querySelectorAll("button.copy").forEach((button) => {
    const name = button.textContent;
    button.addEventListener("click", async () => {
      const { table, text: passage } = button.dataset, source = document.getElementById(table || passage);
      const done = await copy(table ? asTsv(source) : text(source));
      button.textContent = done ? "Copied" : "Could not copy";
      setTimeout(() => { button.textContent = name; }, 1500);
    });
  });

  const opacity = document.getElementById("opacity");
  opacity?.addEventListener("input", () => {
    document.documentElement.style.setProperty("--map-opacity", opacity.value / 100);
  });

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open], .long)")];
    closed.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((details) => { details.open = false; }));
})();
