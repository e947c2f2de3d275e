"""The size of an installation with each extra, from what is installed here.

    python -m benchmarks.install_size

On Linux most of PyTorch's size is CUDA; its CPU builds are smaller. Packages that are not installed
are named, and not counted.
"""

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def add(requirement: Requirement, sizes: dict[str, int]) -> None:
    """Add a package and all it needs to `sizes`: name → bytes, -1 where it is not installed."""
    for extra in ("", *requirement.extras):
        key = f"{requirement.name.lower()}[{extra}]"
        if key in sizes:
            continue
        try:
            dist = distribution(requirement.name)
        except PackageNotFoundError:
            sizes[key] = -1
            continue
        places = [] if extra else [Path(file.locate()) for file in dist.files or ()]
        sizes[key] = sum(place.stat().st_size for place in places if place.is_file())
        for other in map(Requirement, dist.requires or ()):
            if other.marker is None or other.marker.evaluate({"extra": extra}):
                add(other, sizes)


def main() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    texts = list(project["dependencies"])
    for extra in ("", "train", "serve", "export"):
        texts += [text for text in extras.get(extra, ()) if not text.startswith("her2bench")]
        sizes: dict[str, int] = {}
        for text in texts:
            add(Requirement(text), sizes)
        missing = [name.partition("[")[0] for name, size in sizes.items() if size < 0]
        largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
        print(
            f"her2bench{f'[{extra}]' if extra else ''}: "
            f"{sum(size for size in sizes.values() if size > 0) / 1e6:,.0f} MB; largest: "
            + ", ".join(f"{n.partition('[')[0]} {sizes[n] / 1e6:,.0f}" for n in largest)
            + (f"; not installed: {', '.join(missing)}" if missing else "")
        )


if __name__ == "__main__":
    main()
