"""Image files: with the wrong extension, an unusual size, or a mode other than RGB."""

from collections import Counter
from pathlib import Path

import numpy as np

from her2bench.audit.context import AuditContext
from her2bench.core.audit_findings import Finding
from her2bench.core.text import plural

_OTHER = 0.05  # relative difference of size that counts
_MOST_SIZES = 50  # sizes among which the usual one is sought
_ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png", ".apng"),
    "TIFF": (".tif", ".tiff", ".svs", ".ndpi", ".scn", ".bif", ".btf"),
    "BMP": (".bmp", ".dib"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"),
}


def file_findings(evidence: AuditContext, rows: np.ndarray) -> list[Finding]:
    """Findings on the files of readable tiles.

    Args:
        evidence: of all tiles.
        rows: those that can be read.
    """
    return [*_misnamed(evidence, rows), *_sizes(evidence, rows), *_modes(evidence, rows)]


def _misnamed(evidence: AuditContext, rows: np.ndarray) -> list[Finding]:
    formats = evidence.observations["format"][rows]
    endings = np.array([Path(evidence.manifest["path"][int(row)]).suffix.lower() for row in rows])
    found = []
    for form, ending in sorted(set(zip(formats.tolist(), endings.tolist(), strict=True))):
        if ending in _ENDINGS.get(form, (ending,)):
            continue
        here = (formats == form) & (endings == ending)
        named = f"named {ending}" if ending else "without an ending"
        lossy = (
            " They look lossless and are not: JPEG has blurred fine detail."
            if (form, ending) == ("JPEG", ".png")
            else ""
        )
        found.append(
            Finding(
                kind="wrong_extension",
                severity="note",
                title=_files(int(here.sum()), named, form),
                number=int(here.sum()),
                unit="tiles",
                effect=f"tools that go by the ending fail on them; this one does not.{lossy}",
                hint="none needed here; rename them for other tools",
                tiles=alone(evidence, rows[here]),
                rank=100 * here.mean(),
            )
        )
    return found


def _files(number: int, named: str, form: str) -> str:
    return f"{number} {plural(number, 'file')} {named} {plural(number, 'holds', 'hold')} {form}"


def _sizes(evidence: AuditContext, rows: np.ndarray) -> list[Finding]:
    """Tiles of another size than most, in µm where that is known, and stretched ones."""
    size, unit = evidence.observations["size"][rows].astype(np.float64), "px"
    if "mpp" in evidence.manifest.columns:
        mpp = evidence.manifest["mpp"].to_numpy()[rows].astype(np.float64)
        if np.isfinite(mpp).all():
            size, unit = size * mpp[:, None], "µm"
    usual = _usual(size)
    odd = (np.abs(size / usual - 1) > _OTHER).any(axis=1)
    stretched = np.abs(np.log(size[:, 0] / size[:, 1])) > _OTHER
    if not (odd | stretched).any():
        return []
    odd |= stretched
    number, these, most = int(odd.sum()), _range(size[odd]), _range(usual[None])
    against = "" if these == most else f" against {most} {unit}"
    return [
        Finding(
            kind="odd_sizes",
            severity="warning",
            title=f"{share_of(number, len(rows), 'is', 'are')} not square or "
            f"{plural(number, 'covers', 'cover')} another area than most "
            f"({these} {unit}{against})",
            number=number,
            unit="tiles",
            effect="all are brought to one square: cells then have another size or shape in these",
            hint="cut all tiles to one square size at one µm/pixel, or choose square = 'crop' or "
            "'pad' in the config where they are not square",
            tiles=alone(evidence, rows[odd]),
            rank=100 * odd.mean(),
        )
    ]


def _usual(size: np.ndarray) -> np.ndarray:
    """The (height, width) of (n, 2) sizes that most tiles have, but for little; of two, the larger.

    >>> _usual(np.array([(128, 128), (256, 256), (128, 128), (256, 256)])).tolist()
    [256, 256]
    """
    sizes, tiles = np.unique(size, axis=0, return_counts=True)
    first = np.lexsort((sizes.prod(axis=1), tiles))[::-1][:_MOST_SIZES]
    # Where µm/pixel differs a little from slide to slide, hardly two tiles are of one size.
    near = [tiles[(np.abs(sizes / sizes[i] - 1) <= _OTHER).all(axis=1)].sum() for i in first]
    return sizes[first[int(np.argmax(near))]]


def _range(size: np.ndarray) -> str:
    low, high = size.min(axis=0), size.max(axis=0)
    if np.allclose(low, high):
        return f"{low[1]:.4g} x {low[0]:.4g}"
    return f"{low[1]:.4g} to {high[1]:.4g} x {low[0]:.4g} to {high[0]:.4g}"


def _modes(evidence: AuditContext, rows: np.ndarray) -> list[Finding]:
    modes = evidence.observations["mode"][rows]
    odd = (modes != "RGB") & (modes != "")
    if not odd.any():
        return []
    held = ", ".join(f"{mode}: {n}" for mode, n in Counter(modes[odd].tolist()).most_common())
    grey = np.isin(modes, ("1", "L", "LA", "F")) | np.char.startswith(modes, "I")
    return [
        Finding(
            kind="odd_modes",
            severity="warning" if grey.any() or not odd.all() else "note",
            title=f"{share_of(int(odd.sum()), len(rows), 'is', 'are')} not plain RGB ({held})",
            number=int(odd.sum()),
            unit="tiles",
            effect="grey tiles hold no stain colour; palettes and transparency are turned into "
            "RGB, which shifts colours a little",
            hint="export these tiles again as 8-bit RGB, as the others",
            tiles=alone(evidence, rows[odd]),
            rank=100 * odd.mean(),
        )
    ]


def share_of(number: int, looked_at: int, one: str, many: str) -> str:
    """`1 of 20 tiles holds …`: a number of tiles, and what is so of them."""
    return f"{number} of {looked_at} {plural(looked_at, 'tile')} {plural(number, one, many)}"


def alone(evidence: AuditContext, rows: np.ndarray) -> tuple[tuple[str, ...], ...]:
    """The ids of tiles, each a group of its own in a finding."""
    return tuple((evidence.tile_ids[int(row)],) for row in rows)
