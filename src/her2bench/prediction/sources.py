"""Where trained networks lie: a run folder, a comparison, an exported file."""

import re
from dataclasses import dataclass
from pathlib import Path

from her2bench.core.errors import UserError, nearest
from her2bench.core.run_folder import RunFolder
from her2bench.core.runs import ComparisonFolder
from her2bench.prediction.ensemble import Ensemble, Member, ensembles
from her2bench.prediction.scalings import scalings_of

_RUN = re.compile(r"(?P<model>[^/]+)/seed-(?P<seed>\d+)/fold-(?P<fold>\d+)")


@dataclass(frozen=True)
class PlacedRun:
    """A run inside its comparison."""

    comparison: ComparisonFolder
    seed: int
    fold: int


def name_of(run: RunFolder) -> str:
    """The name of a run, from its folder.

    >>> name_of(RunFolder(Path("out/runs/lenet/seed-0/fold-2")))
    'lenet-seed-0-fold-2'
    >>> name_of(RunFolder(Path("best")))
    'best'
    """
    *_, last = parts = run.path.resolve().parts[-3:]
    return "-".join(parts) if _RUN.fullmatch("/".join(parts)) else last


def placed_run(run: RunFolder) -> PlacedRun | None:
    """A run with its comparison; None where it was moved out of it."""
    path = run.path.resolve()
    found = _RUN.fullmatch("/".join(path.parts[-3:]))
    if not found or path.parents[2].name != "runs":
        return None
    folder = ComparisonFolder(path.parents[3])
    if not folder.config.is_file():
        return None
    return PlacedRun(folder, int(found["seed"]), int(found["fold"]))


def ensemble_at(path: Path, network: str | None = None) -> Ensemble:
    """The run at a path, the runs of a comparison's model, or an exported file, as an ensemble.

    Args:
        path: a run folder, a comparison folder, or an ONNX file of `her2bench export`.
        network: which of a comparison's networks; None where it has one.

    Raises:
        UserError: the comparison has no finished network, several, or none of that name; or a run
            is of another network.
    """
    folder, run = ComparisonFolder(path), RunFolder(path)
    if folder.config.is_file():
        return _of_comparison(folder, network)
    found = _of_run(run)
    if network not in (None, found.model):
        raise UserError(
            path, found=f"a run of {found.model}, not of {network}", hint="leave it out"
        )
    return found


def _of_run(run: RunFolder) -> Ensemble:
    if run.path.is_file():
        from her2bench.prediction.exported.onnx_network import load_onnx  # of another extra

        exported = load_onnx(run.path)[1]
        return Ensemble(exported.trained.model, (_member(run, 0, 0, exported.scaling),))
    if (placed := placed_run(run)) is None:
        return Ensemble(name_of(run), (Member(run, 0, 0),))
    name, key = run.path.resolve().parts[-3], (placed.seed, placed.fold)
    scaling = scalings_of(placed.comparison).get((name, *key))
    return Ensemble(name, (_member(run, *key, scaling),))


def _member(run: RunFolder, seed: int, fold: int, scaling: tuple[float, float] | None) -> Member:
    return Member(run, seed, fold, *(scaling or (None, None)))


def _of_comparison(folder: ComparisonFolder, network: str | None) -> Ensemble:
    found = {each.model: each for each in ensembles(folder, scalings_of(folder))}
    if not found:
        raise UserError(
            folder.path,
            found="no finished run of a network",
            expected="a comparison with at least one",
            hint="run `her2bench compare` again: it goes on where it stopped",
        )
    if network is None and len(found) == 1:
        return next(iter(found.values()))
    if network is None or network not in found:
        given = f"no network {network!r}" if network else f"{len(found)} networks"
        raise UserError(
            folder.path,
            found=given,
            expected=f"one of {', '.join(found)}",
            hint=nearest(network or "", found) or "choose with --network, in Python network=",
        )
    return found[network]
