"""`python -m fuzz`: broken and hostile inputs for every reader, for a few minutes.

    python -m fuzz [--seed 0] [--minutes 10] [--only images]
    python -m fuzz --again build/fuzz/images/…

An input may be read, or refused with a message meant for its author. Anything else is a finding:
another exception, a warning of numpy, 10 s without an answer, the death of the process, a file
written outside of the output folder. Findings are kept in build/fuzz/ with what was seen; the
exit status is 1 if there are any.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fuzz.driver import ROOT, Campaign
from fuzz.findings import Findings
from fuzz.kinds import BUILT_ON_A_COMPARISON, KINDS

KEPT = ROOT / "build" / "fuzz"


def main() -> int:
    """Parse the arguments, run, print the table; 1 if there are findings."""
    start, given = time.time(), _arguments()
    names = [given.again.resolve().parent.name] if given.again else given.only or list(KINDS)
    findings = Findings(KEPT)
    with tempfile.TemporaryDirectory(prefix="fuzz-shared-") as folder:
        shared = given.comparison or Path(folder)
        if shared == Path(folder) and set(names) & set(BUILT_ON_A_COMPARISON):
            subprocess.run(
                [sys.executable, "-m", "fuzz.comparison", folder],
                cwd=ROOT,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        kinds = {name: KINDS[name] for name in names}
        left = 60 * given.minutes - (time.time() - start)
        campaign = Campaign(kinds, findings, left, given.seed, given.lanes, shared=shared)
        if given.again:
            campaign.again(names[0], given.again)
        else:
            campaign.run()
    print(findings.table())
    print(f"seed {given.seed}, {time.time() - start:.0f} s on {given.lanes} cores")
    if not findings.faults:
        return 0
    print(f"\n{len(findings.faults)} distinct faults:\n{findings.listed()}")
    if given.again:
        (file,) = next(iter(findings.files.values()))
        print(file.with_name(file.name + ".txt").read_text(encoding="utf-8"))
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=(__doc__ or ""))
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seed", type=int, default=0, help="of all inputs (0)")
    parser.add_argument("--minutes", type=float, default=10, help="of the whole (10)")
    parser.add_argument("--lanes", type=int, default=2, help="workers at a time (2)")
    parser.add_argument("--only", choices=list(KINDS), action="append", help="this kind of input")
    parser.add_argument("--again", type=Path, help="a kept input, to be read once more")
    parser.add_argument(
        "--comparison",
        type=Path,
        help="what `python -m fuzz.comparison` wrote (by default it is made)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
