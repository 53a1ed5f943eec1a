"""The JSON of a dashboard, for Grafana 10 and later; panels flow from left to right into rows."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from observability.grafana import Annotation, Board, Panel, Query, Row, Variable

SCHEMA: Final = 39
"""Of Grafana 10.4; later ones migrate it by themselves."""
WIDTH: Final = 24
"""Columns of Grafana's grid."""

_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def document(board: Board) -> str:
    """The JSON that Grafana imports."""
    text = msgspec.json.format(msgspec.json.encode(_board(board)), indent=2)
    return text.decode() + "\n"


def _board(board: Board) -> dict[str, Any]:
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": ["watermark-autoscaler"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "links": [_link()],
        "templating": {"list": [_source_variable(), *map(_variable, board.variables)]},
        "annotations": {"list": [_annotation(one) for one in board.annotations]},
        "panels": list(_placed(board.rows)),
    }


def _link() -> dict[str, Any]:
    """A menu of our other dashboards."""
    return {
        "title": "Watermark autoscaler",
        "type": "dashboards",
        "tags": ["watermark-autoscaler"],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
    }


def _source_variable() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
    }


def _variable(variable: Variable) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": variable.query, "refId": "StandardVariableQuery"},
        "definition": variable.query,
        "refresh": 2,
        "sort": 1,
        "multi": variable.several,
        "includeAll": variable.several,
    }
    if variable.several:
        shown |= {"allValue": ".*", "current": {"text": "All", "value": "$__all"}}
    return shown


def _annotation(annotation: Annotation) -> dict[str, Any]:
    return {
        "name": annotation.name,
        "datasource": _SOURCE,
        "enable": True,
        "expr": annotation.expr,
        "iconColor": annotation.color,
        "titleFormat": annotation.name,
        "step": "15s",
    }


def _placed(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Panels from left to right; one that does not fit begins a new line."""
    number = top = 0
    for row in rows:
        number += 1
        grid = {"x": 0, "y": top, "w": WIDTH, "h": 1}
        heading = {"type": "row", "title": row.title, "collapsed": False, "panels": []}
        yield {"id": number, "gridPos": grid} | heading
        top += 1
        left = height = 0
        for panel in row.panels:
            if left + panel.width > WIDTH:
                left, top, height = 0, top + height, 0
            number += 1
            grid = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            yield {"id": number, "gridPos": grid} | _panel(panel)
            left, height = left + panel.width, max(height, panel.height)
        top += height


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "title": panel.title,
        "description": panel.description,
        "type": panel.kind,
        "datasource": _SOURCE,
        "targets": [_target(index, query) for index, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _options(panel),
    }


def _target(index: int, query: Query) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + index),
        "datasource": _SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": query.instant,
        "range": not query.instant,
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    mappings = {
        str(value): {"text": text, "color": color, "index": index}
        for index, (value, text, color) in enumerate(panel.texts)
    }
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.alarming:
        steps.append({"color": "red", "value": 1})
    shown: dict[str, Any] = {
        "unit": panel.unit,
        "mappings": [{"type": "value", "options": mappings}] if mappings else [],
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.kind == "timeseries":
        shown["custom"] = {
            "lineWidth": 2,
            "fillOpacity": 20 if panel.stacked else 0,
            "lineInterpolation": "stepAfter" if panel.steps else "linear",
            "stacking": {"mode": "normal" if panel.stacked else "none"},
        }
    elif panel.kind == "state-timeline":
        shown["custom"] = {"fillOpacity": 70, "lineWidth": 0, "spanNulls": False}
    return shown


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    if not panel.dashed:
        return []
    style = {"fill": "dash", "dash": [8, 6]}
    return [
        {
            "matcher": {"id": "byRegexp", "options": f"/{panel.dashed}/"},
            "properties": [
                {"id": "custom.lineStyle", "value": style},
                {"id": "custom.lineWidth", "value": 1},
            ],
        }
    ]


def _options(panel: Panel) -> dict[str, Any]:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    match panel.kind:
        case "timeseries":
            return {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        case "stat":
            text = "name" if panel.named else "auto"
            return {
                "reduceOptions": last,
                "textMode": text,
                "graphMode": "none",
                "colorMode": "value",
            }
        case "state-timeline":
            return {
                "mergeValues": True,
                "showValue": "auto",
                "rowHeight": 0.8,
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            }
        case "bargauge":
            return {"reduceOptions": last, "orientation": "horizontal", "displayMode": "basic"}
        case "table":
            return {"showHeader": True}
