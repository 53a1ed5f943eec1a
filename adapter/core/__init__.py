"""Pure part of the adapter: rules, PromQL, results, documents."""
