"""What a document's reader has before the first line: servers that run, files that are there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.fieldlab.command import RECORDINGS
from tests.fieldlab.trial import plant
from tests.repo.documents import ROOT, blocks
from tests.walks import compose, parts, world
from tests.walks.plc import PASSWORD
from tests.walks.walk import Walk

_MAKE = f"make --dry-run -C {ROOT} "
"""For what runs the tests or changes the repository: make says what it would run: there is such a target."""
SCENES: dict[str, Callable[[Walk], None]] = {}

_MILL = """\
fieldlab: workshop
timezone: Europe/Amsterdam
lines:
  - id: line1
    machines:
      - id: mill1
        ideal_cycle_time_s: 1
        states: {map: {1: producing, 0: stopped}}
        signals:
          state:       {source: plc1, node: "nsu=urn:example:mill;s=mill.State"}
          total_count: {source: plc1, node: "nsu=urn:example:mill;s=mill.TotalCount"}
          good_count:  {source: plc1, node: "nsu=urn:example:mill;s=mill.GoodCount"}
sources:
  plc1: {kind: opcua, endpoint: "opc.tcp://10.0.0.5:4840", security: none}
gateways:
  edge1: {sources: [plc1]}
"""
_FILE = "store: {kind: embedded, path: workshop.db}\n"


def _scene(document: str) -> Callable[[Callable[[Walk], None]], Callable[[Walk], None]]:
    def named(scene: Callable[[Walk], None]) -> Callable[[Walk], None]:
        SCENES[document] = scene
        return scene

    return named


@_scene("README.md")
def _readme(walk: Walk) -> None:
    walk.instead["make demo "] = f"make -C {ROOT} demo ARGS='--no-browser --seconds 12 --speed 120' "
    walk.instead["make test"] = f"{_MAKE}test"
    _recording(walk)


@_scene("docs/how-to/work-on-fieldlab.md")
def _work(walk: Walk) -> None:
    walk.instead["make "] = _MAKE


@_scene("deploy/README.md")
def _containers(walk: Walk) -> None:
    # No container engine here; tests/deploy runs what its containers run, as processes.
    walk.checks["docker compose"] = partial(compose.checked, folder=walk.folder)
    walk.skips["git pull"] = "there is nowhere to pull from"


@_scene("docs/how-to/use-a-recording.md")
def _recording(walk: Walk) -> None:
    walk.until["october.csv --by machine"] = r"mill1 +60\.0 % +60\.0 % +60\.0 % +60\.0 % +100\.0 %"
    shdr = RECORDINGS / "hurco01_2017.shdr"
    if shdr.exists():
        (walk.folder / shdr.name).symlink_to(shdr)
    else:
        walk.skips["hurco01"] = "the recording is not part of this repository"


@_scene("docs/how-to/start-from-an-example.md")
def _example(walk: Walk) -> None:
    walk.instead["fieldlab demo "] = "fieldlab demo --no-browser "


@_scene("docs/tutorial/first-hour.md")
def _first_hour(walk: Walk) -> None:
    walk.instead["make demo"] = f"make -C {ROOT} demo ARGS='--no-browser --seconds 12 --speed 120'"
    walk.instead["--seconds 60 "] = "--no-browser --seconds 30 "


@_scene("docs/tutorial/exercises.md")
def _exercises(walk: Walk) -> None:
    walk.instead["make demo"] = f"make -C {ROOT} demo ARGS='--no-browser --seconds 12 --speed 120'"


@_scene("docs/tutorial/first-machine.md")
def _first_machine(walk: Walk) -> None:
    _of_its_maker(walk)
    parts.plc(walk, "elsewhere")
    walk.until["fieldlab kpi"] = r"mill1.* 0\.\d"
    walk.more["PLC1_PASSWORD"] = PASSWORD
    walk.fails["--user gw"] = 1  # the first time, as the document says


def _of_its_maker(walk: Walk) -> None:
    """A PLC's certificate that no authority of ours signed."""
    walk.run("fieldlab pki init elsewhere --fieldlab maker")
    walk.run("fieldlab pki issue elsewhere plc1 --for opcua --uri urn:plc1:server --host 10.0.0.5")


@_scene("docs/tutorial/first-experiment.md")
def _first_experiment(walk: Walk) -> None:
    walk.until["coolant --input weeks.csv"] = r"energy_per_good_unit_kwh +improved|\A\s*\Z"
    walk.until["coolant --input quiet.csv"] = r"energy_per_good_unit_kwh +no difference shown"


@_scene("docs/explanation/delivery.md")
def _delivery(walk: Walk) -> None:
    parts.plc(walk)
    walk.put("fieldlab.yaml", _MILL + _FILE)
    walk.start("fieldlab gateway fieldlab.yaml", "")
    walk.until["ledger"] = r"edge1"
    parts.settings(walk, ROOT / "docs/explanation/delivery.md")


@_scene("docs/how-to/add-a-machine.md")
def _add_a_machine(walk: Walk) -> None:
    walk.more["BROKER_PASSWORD"] = PASSWORD


@_scene("docs/how-to/run-a-gateway.md")
def _run_a_gateway(walk: Walk) -> None:
    parts.plc(walk)
    walk.put("fieldlab.yaml", _MILL + _FILE)
    walk.skips["make wheel"] = "it builds in the repository; tests/deploy/test_wheel.py builds one elsewhere"
    if (reason := world.why_no_box()) is not None:
        walk.skips |= dict.fromkeys(("/opt/", "/etc/", "systemctl"), reason)
        return
    world.box(walk.folder)
    parts.certificates(walk)
    parts.box(walk, _MILL, ROOT / "docs/how-to/run-a-gateway.md")


@_scene("docs/how-to/certificates.md")
def _certificates(walk: Walk) -> None:
    walk.run("fieldlab pki init elsewhere --fieldlab maker")
    walk.run("fieldlab pki issue elsewhere plc1 --for opcua --uri urn:maker:plc --host 10.0.0.5")
    (walk.folder / "elsewhere/own/plc1.der").rename(walk.folder / "plc1.der")


@_scene("docs/how-to/first-config.md")
def _first_config(walk: Walk) -> None:
    parts.certificates(walk)
    parts.plc(walk)
    parts.broker(walk)
    walk.more["PLC1_PASSWORD"] = PASSWORD
    walk.put("fieldlab.yaml", _MILL + _FILE)
    walk.instead["--seconds 60"] = "--seconds 2"
    walk.instead["--cycle-time 42"] = "--cycle-time 42 --force --yes"


@_scene("docs/how-to/make-a-report.md")
def _report(walk: Walk) -> None:
    _week(walk, "fieldlab.yaml")
    said = [b.text for b in blocks(ROOT / "docs/how-to/make-a-report.md") if b.text.startswith("reports:")]
    walk.put("mail.password", PASSWORD).chmod(0o600)
    config = (walk.folder / "fieldlab.yaml").read_text() + said[0].replace("/srv/", "srv/")
    walk.before["--every-week"] = lambda: walk.put("fieldlab.yaml", config)
    walk.skips["fieldlab up"] = "this config has no machines; run-a-fieldlab.md brings one up that has"


@_scene("docs/how-to/find-losses.md")
@_scene("docs/how-to/energy-baseline.md")
@_scene("docs/explanation/experiments.md")
@_scene("docs/how-to/run-an-experiment.md")
def _worked(walk: Walk) -> None:
    _week(walk, "fieldlab.yaml")


def _week(walk: Walk, config: str) -> None:
    text = plant()
    for old, new in (("2026-03-02", "2026-09-28"), ("2026-03-28", "2026-10-24"),
                     ("2026-04-06", "2026-11-02"), ("2026-05-02", "2026-11-28")):  # fmt: skip
        text = text.replace(old, new)
    text = text.replace("name: vroeg", "name: early").replace("name: laat", "name: late")
    parts.filled(walk.put(config, text))
    walk.run(f"fieldlab analytics {config} --recompute --from 2026-09-28 --to 2026-11-26")


@_scene("docs/how-to/change-a-config.md")
def _change(walk: Walk) -> None:
    _week(walk, "lab.yaml")


@_scene("docs/how-to/move-and-back-up.md")
def _move(walk: Walk) -> None:
    parts.influx(walk)
    _week(walk, "fieldlab.yaml")
    text = (walk.folder / "fieldlab.yaml").read_text()
    walk.put("old.yaml", text)
    walk.put("new.yaml", text.replace(
        "store: {kind: embedded, path: lab.db}", 'store: {kind: influxdb, url: "http://127.0.0.1:8086"}'
    ))  # fmt: skip
    walk.instead["restore fieldlab.yaml"] = "restore fieldlab.yaml --force"


@_scene("docs/how-to/use-influxdb.md")
def _use_influxdb(walk: Walk) -> None:
    admin = parts.influx(walk, auth=True)
    walk.instead["https://10.0.0.7:8086"] = "http://127.0.0.1:8086"
    walk.instead["INFLUX_TOKEN=..."] = f"INFLUX_TOKEN={admin}"
    walk.instead["make test"] = f"{_MAKE}test"


@_scene("docs/how-to/use-grafana.md")
def _use_grafana(walk: Walk) -> None:
    admin = parts.influx(walk, auth=True)
    walk.put(
        "fieldlab.yaml",
        _MILL + 'store: {kind: influxdb, url: "http://127.0.0.1:8086", token: {env: INFLUX_TOKEN}}\n',
    )
    walk.instead["INFLUX_TOKEN=..."] = f"INFLUX_TOKEN={admin}"
    walk.skips["grafana server"] = "no Grafana here"
    walk.skips["dashboards push"] = "no Grafana here; tests/dashboards/test_push.py pushes to a stand-in"


@_scene("docs/how-to/run-a-fieldlab.md")
def _up(walk: Walk) -> None:
    walk.put("lab.yaml", _MILL.replace("10.0.0.5", "127.0.0.1") + _FILE)


@_scene("docs/how-to/use-the-app.md")
def _app(walk: Walk) -> None:
    _week(walk, "fieldlab.yaml")
    walk.instead["--hash"] = "--hash <<< only-for-tests"
    walk.fails["--host 0.0.0.0"] = 2


@_scene("docs/how-to/show-it-on-a-wall.md")
def _wall(walk: Walk) -> None:
    (config,) = (b.text for b in blocks(ROOT / "docs/how-to/show-it-on-a-wall.md") if b.language == "yaml")
    walk.put("fieldlab.yaml", _MILL + _FILE + config.replace("line: milling", "line: line1"))
    walk.run("fieldlab app fieldlab.yaml --hash <<< only-for-tests > ines.hash")


@_scene("docs/how-to/connect-s7-1500.md")
def _s7(walk: Walk) -> None:
    parts.certificates(walk)
    _of_its_maker(walk)
    walk.run("cp elsewhere/own/plc1.der plc1.der")
    parts.plc(walk, "elsewhere", "s7")
    walk.more["PLC1_PASSWORD"] = PASSWORD


@_scene("docs/how-to/connect-mazak-mtconnect.md")
def _mazak(walk: Walk) -> None:
    parts.talking(walk)
    walk.instead["--seconds 60"] = "--seconds 2"
    walk.until["fieldlab kpi"] = r"mazak1.* [1-9]\d* +[1-9]\d* "


@_scene("docs/how-to/connect-sparkplug.md")
def _sparkplug(walk: Walk) -> None:
    parts.talking(walk)
    walk.instead["--seconds 60"] = "--seconds 2"
    walk.until["fieldlab browse"] = "Unit/ProdProcessedCount"
    walk.until["fieldlab doctor"] = "heard plant/edge1 "


@_scene("docs/how-to/measure-energy.md")
def _energy(walk: Walk) -> None:
    parts.talking(walk)
    walk.until["fieldlab kpi"] = r"mill1.* 0\.\d+ +0\.\d+"


@_scene("docs/how-to/connect-power-clamp.md")
def _clamp(walk: Walk) -> None:
    parts.talking(walk)
    walk.until["fieldlab kpi"] = r'"energy_kwh": 0\.0*[1-9]'


@_scene("docs/how-to/give-an-sme-access.md")
def _access(walk: Walk) -> None:
    walk.instead["--hash"] = "--hash <<< only-for-tests"
    parts.plc(walk)
    walk.before["fieldlab analytics"] = lambda: walk.start("fieldlab gateway fieldlab.yaml", r"\S")
    walk.until["--experiment coolant"] = r"coolant.*\.html"


@_scene("docs/how-to/recover-an-edge-box.md")
def _recover(walk: Walk) -> None:
    parts.plc(walk)
    walk.put("fieldlab.yaml", _MILL + _FILE)
    walk.until["fieldlab ledger fieldlab.yaml"] = r"balances"
    walk.before["--resend"] = walk.finish


@_scene("docs/how-to/move-to-another-influxdb.md")
def _move_influx(walk: Walk) -> None:
    parts.plc(walk)
    parts.influx(walk)
    parts.influx(walk, port=8087)
    walk.until["fieldlab ledger"] = r"balances"
    walk.until["fieldlab kpi"] = r"mill1.* [1-9]\d* +[1-9]\d* "
