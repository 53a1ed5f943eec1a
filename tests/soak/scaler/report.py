"""What a soak of the scaler found, as JSON and as Markdown under `out/`."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.soak.scaler.held import Trend
from tests.soak.scaler.plan import Plan

OUT = Path("out/soak")


class Report(Struct, frozen=True):
    """`counts` are tables by title; `problems` is empty where all is well."""

    kind: str
    plan: Plan
    trends: Sequence[Trend]
    counts: Mapping[str, Mapping[str, int]]
    problems: Sequence[str]

    @property
    def verdict(self) -> list[str]:
        """Everything that must not be, figures that grow among it."""
        grown = [f"{one.name} grew by {one.growth:+.1%}" for one in self.trends if not one.flat]
        return [*self.problems, *grown]

    def write(self) -> Path:
        """Write both forms; the path of the Markdown."""
        OUT.mkdir(parents=True, exist_ok=True)
        stem = OUT / f"scaler-{self.kind}"
        stem.with_suffix(".json").write_text(json.dumps(self._document(), indent=2) + "\n")
        path = stem.with_suffix(".md")
        path.write_text(self.markdown())
        return path

    def markdown(self) -> str:
        """For people."""
        plan = self.plan
        lines = [
            f"# Soak of the scaler, {self.kind} time",
            "",
            f"{plan.consumers} autoscalers for {plan.seconds / 60:.0f} minutes, seed {plan.seed}; "
            f"load average of the machine at the end {os.getloadavg()[0]:.1f}.",
            "",
            "Verdict: " + ("; ".join(self.verdict) or "nothing lost, nothing grown") + ".",
            "",
            "| figure | after the warm-up | at the end | change | most |",
            "| --- | --- | --- | --- | --- |",
            *(
                f"| {one.name} | {one.early:.4g} | {one.late:.4g} | {one.growth:+.1%} | "
                f"{one.most:.4g} |"
                for one in self.trends
            ),
        ]
        for title, counts in self.counts.items():
            told = sorted(counts.items(), key=lambda item: -item[1])
            lines += ["", f"{title}: " + ", ".join(f"{name} {count:,}" for name, count in told)]
        return "\n".join(lines) + "\n"

    def _document(self) -> dict[str, Any]:
        trends = {
            one.name: {"early": one.early, "late": one.late, "growth": round(one.growth, 4)}
            for one in self.trends
        }
        return {
            "soak": f"scaler, {self.kind} time",
            "autoscalers": self.plan.consumers,
            "seconds": self.plan.seconds,
            "seed": self.plan.seed,
            "python": platform.python_version(),
            "load_average": round(os.getloadavg()[0], 2),
            "trends": trends,
            "counts": {title: dict(counts) for title, counts in self.counts.items()},
            "problems": self.verdict,
        }
