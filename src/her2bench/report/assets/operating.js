// The operating point: values are precomputed; only Bayes' rule is applied here.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("operating-data").textContent);
  if (!data.models.length) return;
  const element = (id) => document.getElementById(id);
  const threshold = element("threshold"), prevalence = element("prevalence");
  const start = { threshold: threshold.value, prevalence: prevalence.value };
  let position = null, share = null; // null: frozen thresholds, prevalence of these tiles

  const ratio = (above, below) => (below > 0 ? above / below : null);
  const bayes = {
    ppv: (sens, spec, p) => ratio(sens * p, sens * p + (1 - spec) * (1 - p)),
    npv: (sens, spec, p) => ratio(spec * (1 - p), spec * (1 - p) + (1 - sens) * p),
  };
  const known = (...values) => values.every((value) => value !== null);
  const shown = (value) => (value === null ? "undefined" : value.toFixed(3));

  function atPrevalence(metric, point) {
    const each = point.seeds[0].map((sens, seed) => {
      const spec = point.seeds[1][seed];
      return known(sens, spec) ? bayes[metric](sens, spec, share) : null;
    });
    const value = known(...each) ? each.reduce((a, b) => a + b, 0) / each.length : null;
    const [sensLow, sensHigh, specLow, specHigh] = point.ends;
    if (value === null || !known(...point.ends)) return [shown(value), "no interval"];
    const low = bayes[metric](sensLow, specLow, share), high = bayes[metric](sensHigh, specHigh, share);
    return [shown(value), known(low, high) ? `${shown(low)} to ${shown(high)}` : "no interval"];
  }

  function show() {
    data.models.forEach((model, index) => {
      const card = document.querySelector(`[data-model="${index}"]`);
      const point = position === null ? model.frozen : model.points[position];
      card.querySelectorAll("[data-cell]").forEach((cell) => {
        cell.textContent = point.counts[cell.dataset.cell];
      });
      card.querySelectorAll("[data-part]").forEach((cell) => {
        cell.textContent = point.parts[cell.dataset.part];
      });
      card.querySelectorAll("[data-metric]").forEach((cell) => {
        const metric = cell.dataset.metric;
        const [value, interval] = share !== null && metric in bayes ? atPrevalence(metric, point) : point[metric];
        cell.querySelector(".value").textContent = value;
        cell.querySelector(".interval").textContent = interval;
      });
    });
    const at = position === null ? "frozen, each run’s own" : `probability ${data.positions[position].toFixed(2)}, all models`;
    const of = share === null ? `${(100 * data.share).toFixed(1)}%, as in these tiles` : `${(100 * share).toFixed(0)}%`;
    element("threshold-now").textContent = at;
    element("prevalence-now").textContent = of;
  }

  threshold.addEventListener("input", () => { position = Number(threshold.value); show(); });
  prevalence.addEventListener("input", () => { share = Number(prevalence.value) / 100; show(); });
  element("threshold-reset").addEventListener("click", () => { position = null; threshold.value = start.threshold; show(); });
  element("prevalence-reset").addEventListener("click", () => { share = null; prevalence.value = start.prevalence; show(); });
  threshold.value = start.threshold; // a reload must not leave an old position behind
  prevalence.value = start.prevalence;
})();
