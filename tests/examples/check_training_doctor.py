"""The doctor names each kind of sick run, and says nothing of healthy ones."""

import json
import subprocess
import sys

program = sys.argv[1]


def run(*arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True)


result = run("--json", "--seeds", "1")
assert result.returncode == 0, result.stderr
counts = json.loads(result.stdout)
assert counts["runs"] >= 40, counts
kinds = {"healthy", "exploding", "vanishing", "oscillating", "stalled", "diverging", "dead_units"}
assert set(counts["table"]) == kinds, counts
assert list(counts["table"]["healthy"]) == ["healthy"], counts
assert counts["right"] >= 0.98 * counts["runs"], counts

assert run("--seeds", "0").returncode != 0
if "--once" not in sys.argv:
    details = run("--seeds", "1", "--details").stdout
    expected = "diverging (linear regression above 2/L, size 0, seed 1): diverging. The loss has grown"
    assert expected in details
