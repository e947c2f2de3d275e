"""Puts the configs of the repository into the wheel, as `her2bench/configs`."""

from pathlib import Path
from shutil import copy2

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfigs(build_py):
    """The package, and the configs; an editable install reads those of the checkout."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            place = Path(self.build_lib) / "her2bench" / "configs"
            place.mkdir(parents=True, exist_ok=True)
            for config in sorted(Path("configs").glob("*.toml")):
                copy2(config, place)


setup(cmdclass={"build_py": BuildWithConfigs})
