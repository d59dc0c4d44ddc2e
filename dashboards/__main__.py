"""Write every dashboard as JSON."""

from dashboards import DASHBOARDS, as_json, json_file

for name in DASHBOARDS:
    json_file(name).write_text(as_json(name))
