"""L-BFGS needs at most 1.2 times SciPy's evaluations on each classic function; bad arguments.

The counts of SciPy come from `scripts/compare_scipy PROGRAM --store tests/data/scipy_evaluations.json`.
"""

import json
import pathlib
import subprocess
import sys

program, data = sys.argv[1:]


def run(*arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True)


result = run("--json", "--methods", "L-BFGS,Newton")
assert result.returncode == 0, result.stderr
ours = json.loads(result.stdout)
scipy = json.loads(pathlib.Path(data).read_text())["evaluations"]
assert ours.keys() == scipy.keys(), (list(ours), list(scipy))
assert len(scipy) >= 15
for name, theirs in scipy.items():
    count = ours[name]["L-BFGS"]["evaluations"]
    assert count is not None and count <= 1.2 * theirs, (name, count, theirs)
# Newton's first step ends at the minimum of a quadratic function.
assert ours["Booth"]["Newton"]["evaluations"] == 2

table = run("--methods", "L-BFGS").stdout.splitlines()
assert table[0] == "| function | L-BFGS |" and len(table) == 2 + len(scipy), table

unknown = run("--methods", "magic")
assert unknown.returncode == 1 and "magic" in unknown.stderr, unknown
assert run("--most", "0").returncode != 0
