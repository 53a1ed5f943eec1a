"""`make docs`: write docs/metrics.md, the adapter's JSON schema and manifests/grafana/*.json."""

from observability.published import ROOT, published


def main() -> None:
    """Write what is published."""
    for path, text in published().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)


if __name__ == "__main__":
    main()
