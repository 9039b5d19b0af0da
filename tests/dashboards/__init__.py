"""The screens: catalogue, page, Grafana, compose."""
