"""Runs every benchmark in a process of its own and prints one JSON document.

Run: `python -m bench`. Figures depend on the machine and on what else it does; compare ratios of
one run, not figures of two.
"""

import json
import subprocess
import sys
from typing import Any, Final

BENCHMARKS: Final = (
    "bench.decide",
    "bench.fleet",
    "bench.flight",
    "bench.breaker",
    "bench.planner",
    "bench.adapter",
    "bench.footprint",
)


def main() -> int:
    """Exit code 1 when a benchmark failed or missed its target; what was printed is there."""
    results: dict[str, Any] = {}
    failed = False
    for module in BENCHMARKS:
        print(f"running {module}", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, "-m", module], stdout=subprocess.PIPE, check=False)
        failed = failed or done.returncode != 0
        results[module] = (
            json.loads(done.stdout) if done.stdout else {"error": f"exit code {done.returncode}"}
        )
    print(json.dumps(results, indent=2))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
