"""KPIs on screens: one catalogue of panels, rendered to the local web page and to Grafana as code."""
