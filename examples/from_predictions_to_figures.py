"""From a table of predictions to verdicts and figures, cell by cell."""

# %% Predictions of two models: one row per tile and model, `group_id` names the slide.
import pandas as pd

import her2bench as hb

predictions = pd.read_csv("predictions.csv")

# %% Metrics with slide-clustered intervals, and which model is better.
results = hb.score(predictions)
print(*results.verdicts, sep="\n")
print(results.to_pandas()[["model", "metric", "value", "low", "high"]])

# %% Figures.
hb.plot.forest(results).figure.savefig("forest.png")
hb.plot.roc(results).figure.savefig("roc.png")
