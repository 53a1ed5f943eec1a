"""What operators look at, made from the code: docs/metrics.md and the Grafana dashboards.

`make docs` writes both; tests fail while what is checked in is stale.
"""
