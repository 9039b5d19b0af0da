"""Reading a file: what it may be made of, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldlab_configs import ConfigError, Site, StateMap, fingerprint, load, parse
from tests.fieldlab_configs.texts import BASE, problems, spoilt, valid

SMALL = "fieldlab: lab\ntimezone: Europe/Amsterdam\n"


def test_a_file_is_read(tmp_path: Path) -> None:
    """A file gives the same as its text, and paths in it start at its own folder."""
    path = tmp_path / "lab.yaml"
    path.write_text(BASE, encoding="utf-8")
    site = load(path)
    assert site.path == path
    assert site.gateways["edge1"].spool.path == tmp_path / "spool"
    assert site.sources["broker"].password.file == tmp_path / "broker.password"
    assert site == parse(BASE, path)


def test_a_default_path_starts_at_the_folder_of_the_file_too() -> None:
    """A spool that is not configured lies beside the config, not where somebody happened to stand."""
    site = parse(
        SMALL + "sources: {a: {kind: mqtt, host: h}}\ngateways: {g: {sources: [a]}}", "/srv/lab/lab.yaml"
    )
    assert site.gateways["g"].spool.path == Path("/srv/lab/spool")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "there is no such file"),
        (lambda p: p.mkdir(), "is a folder; name the configuration file in it"),
        (lambda p: p.write_bytes(b""), "is empty; it should start with `fieldlab:` and an id"),
        (
            lambda p: p.write_bytes(b"# only a comment\n"),
            "is empty; it should start with `fieldlab:` and an id",
        ),
        (
            lambda p: p.write_bytes(b" " * 3_000_000),
            "longer than 2000000 bytes; no configuration is that long",
        ),
    ],
    ids=["missing", "folder", "empty", "comment", "huge"],
)
def test_a_file_that_is_no_configuration_gets_one_message(make, message: str, tmp_path: Path) -> None:
    """What is wrong with the file as a whole, in one line."""
    path = tmp_path / "lab.yaml"
    make(path)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.problems == (f"{path}: {message}",)


def test_text_that_is_not_utf_8_is_named_by_line(tmp_path: Path) -> None:
    """A file saved in another encoding."""
    path = tmp_path / "lab.yaml"
    path.write_bytes("fieldlab: lab\nname: Café\n".encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value) == f"{path}:2: is not UTF-8 text; save the file as UTF-8"


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    """As Notepad writes it."""
    path = tmp_path / "lab.yaml"
    path.write_bytes(SMALL.encode("utf-8-sig"))
    assert load(path).fieldlab == "lab"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fieldlab: [a", "lab.yaml:1: is not YAML: a comma, a quote or the closing bracket is missing"),
        ("fieldlab: [a\nname: x", "lab.yaml:2: is not YAML: a comma, a quote or the closing bracket of line"),
        ("fieldlab: lab\n\tname: x", "lab.yaml:2: is not YAML: there is a tab; only spaces go here"),
        ("fieldlab: lab\nname:\tx", "lab.yaml:2: is not YAML: there is a tab; only spaces go here"),
        ("fieldlab: lab\nname: @x", "lab.yaml:2: is not YAML: a text cannot begin with @; put it in quotes"),
        ("```yaml\nfieldlab: lab", "lab.yaml:1: is not YAML: a text cannot begin with `; leave out lines"),
        ("fieldlab: lab\n name: x", "lab.yaml:2: is not YAML: it stands further in than the line above"),
        ("lines:\n    - id: x\n   name: x", "lab.yaml:3: is not YAML: it does not line up with the lines"),
        ("fieldlab: 'lab\nname: x\n", "lab.yaml:1: is not YAML: a quote is opened here and never closed"),
        ('fieldlab: "C:\\data"', "lab.yaml:1: is not YAML: in double quotes a \\ begins a sign of its own"),
        ("fieldlab: a\x07b", "lab.yaml:1: holds the character 7, which YAML does not allow"),
        ("just a text", 'lab.yaml:1: must start with `fieldlab:` and an id, got "just a text"'),
        ("- a\n- b", "lab.yaml:1: must start with `fieldlab:` and an id, got a list"),
        (SMALL + "---\nfieldlab: b", "lab.yaml:3: a second document starts here; one file is one fieldlab"),
        (SMALL + "name: !!str x", "lab.yaml:3: has the tag tag:yaml.org,2002:str; tags are not used here"),
        (SMALL + "? [a]\n: b", "lab.yaml:3: a key must be a text, got a list"),
        (SMALL + "name: *x", "lab.yaml:3: *x refers to nothing above it, or to what it stands in"),
        (SMALL + "name: &x [*x]", "lab.yaml:3: *x refers to nothing above it, or to what it stands in"),
        (SMALL + "name: " + "[" * 5000, "lab.yaml:3: nested deeper than 24 levels"),
        (SMALL + "name:\n" + "- " * 5000, "lab.yaml:4: nested deeper than 24 levels"),
    ],
)  # fmt: skip
def test_what_is_not_usable_yaml_gets_one_message(text: str, message: str) -> None:
    """The first thing that makes no tree of the text."""
    (said,) = problems(text)
    assert said.startswith(message)


def test_an_alias_bomb_is_refused_at_once() -> None:
    """Ten to the ninth values in a few lines are never made."""
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    (said,) = problems("\n".join(lines))
    assert said.endswith("more than 100000 values, aliases counted; no configuration is that big")


def test_an_alias_repeats_what_was_written() -> None:
    """Machines that are alike are written once."""
    edit = ("A12: {ideal_cycle_time_s: 42}", "A12: &it {ideal_cycle_time_s: 42}\n          B7: *it")
    assert [p.ideal_cycle_time_s.latest for p in valid(edit).machine("m1").products.values()] == [42, 42]


def test_words_of_yaml_1_1_are_texts() -> None:
    """`off`, `on`, `no`, `07` and a date as text stay what they look like."""
    site = valid(
        ("name: Lab", "name: off"),
        ("A12: {", "no: {}\n          007: {}\n          2026-12-25: {}\n          A12: {"),
    )
    assert site.name == "off"
    assert list(site.machine("m1").products) == ["no", "007", "2026-12-25", "A12"]


def test_codes_of_a_map_are_the_text_that_values_are_looked_up_by() -> None:
    """11, 11.0 and "11" are one code; `off` is a class like any other."""
    site = valid(("states: packml", 'states: {table: packml, map: {11.0: off, "12": down, RUN: producing}}'))
    states = site.machine("m1").states.latest
    assert (states.state_of(11.0), states.state_of(12), states.state_of("RUN")) == (
        "off",
        "down",
        "producing",
    )
    assert states.state_of(6) == "producing"
    assert states.state_of("no such") == "unknown"


def test_defaults_are_filled_in() -> None:
    """The least that is a fieldlab, and what follows for lines."""
    site = parse(SMALL + "lines: [{id: a, machines: [{id: x}, {id: y}]}, {id: b, machines: [{id: z}]}]")
    assert [(line.bottleneck, line.output) for line in site.lines] == [("y", "y"), ("z", "z")]
    assert [m.line.latest for m in site.machines()] == ["a", "a", "b"]
    assert (site.heartbeat_s, site.cell_s, site.convention, site.language) == (10, 300, "iso22400", "nl")
    assert site.machine("x").minor_stop_s == 300
    assert site.store is None


def test_dated_values_hold_from_their_moment() -> None:
    """A date is local midnight; the order in the file does not matter."""
    edit = (
        "ideal_cycle_time_s: 42\n",
        "ideal_cycle_time_s: [{from: 2026-07-01, value: 40}, {from: 2026-01-01T12:00:00Z, value: 42}]\n",
    )
    dated = valid(edit).machine("m1").ideal_cycle_time_s
    summer = 1_782_856_800_000_000_000  # date -d 2026-06-30T22:00:00Z +%s
    assert dated.entries == ((1_767_268_800_000_000_000, 42), (summer, 40))
    assert [dated.at(t) for t in (0, summer - 1, summer)] == [42, 42, 40]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "states: packml\n",
            "states: [{from: 2026-01-01, value: packml}, {from: 2026-02-01, value: euromap}]\n",
        ),
        (
            "energy: {price_eur_per_kwh: 0.21}",
            "energy: [{from: 2026-01-01, value: {price_eur_per_kwh: 0.21}}]",
        ),
        ("timezone: Europe/Amsterdam", "timezone: [{from: 2026-01-01, value: Europe/Amsterdam}]"),
        ("kind: mill\n", "line: [{from: 2026-01-01, value: packing}, {from: 2026-02-01, value: milling}]\n"),
    ],
    ids=["states", "energy", "timezone", "line"],
)
def test_what_may_change_on_a_date_may_be_a_list(old: str, new: str) -> None:
    """Each of the values that MODEL section 5 names."""
    assert isinstance(valid((old, new)), Site)


def test_shifts_may_change_on_a_date() -> None:
    """A list of shifts is one value; a list with `from` is more than one."""
    text = SMALL + (
        "shifts:\n  - from: 2026-01-01\n    value: [{name: a, days: [mon], start: '06:00', end: '14:00'}]\n"
        "  - from: 2026-06-01\n    value: []\n"
    )
    dated = parse(text).shifts
    assert [len(value) for _, value in dated.entries] == [1, 0]


def test_a_shift_may_end_at_midnight_and_touch_another() -> None:
    """24:00 is the end of the day; shifts that only touch do not overlap."""
    text = SMALL + (
        "shifts:\n  - {name: late, days: [mon, sun], start: '16:00', end: '24:00'}\n"
        "  - {name: night, days: [mon, tue], start: '00:00', end: '08:00'}\n"
    )
    assert [shift.seconds for shift in parse(text).shifts.latest] == [8 * 3600, 8 * 3600]


def test_one_company_may_overlap_itself_on_a_machine() -> None:
    """It is other companies' data that must stay apart."""
    site = valid(("company: bolt", "company: acme"), ("machines: [m2]", "machines: [m2, m1]"))
    assert len(site.experiments) == 2


def test_an_endpoint_without_security_must_say_so() -> None:
    """SignAndEncrypt unless the config says none, in words."""
    assert valid().sources["plc1"].security == "sign_and_encrypt"
    site = valid(("user: gw, password: {env: PLC1_PASSWORD}", "security: none"))
    assert site.sources["plc1"].security == "none"


def test_sizes_ports_and_retention_are_read() -> None:
    """With the units and defaults that people expect."""
    site = valid()
    assert site.gateways["edge1"].spool.max_bytes == 4_000_000_000
    assert valid(("4GB", "1.5GiB")).gateways["edge1"].spool.max_bytes == 1_610_612_736
    assert site.sources["broker"].port_number == 8883
    assert valid(("tls: true", "tls: false")).sources["broker"].port_number == 1883
    assert valid(("tls: true", "port: 1884")).sources["broker"].port_number == 1884
    assert (site.store.retention_s("raw"), site.store.retention_s("kpi")) == (34_560_000, 315_360_000)


def test_the_fingerprint_is_of_the_meaning() -> None:
    """Comments, order, a default written out and the folder change nothing; a value does."""
    first = fingerprint(parse(BASE, "/here/lab.yaml"))
    same = BASE.replace("cell_s: 300\n", "") + "cell_s: 300 # a comment\n"
    assert fingerprint(parse(same, "/somewhere/else/lab.yaml")) == first
    assert fingerprint(parse(spoilt(("minor_stop_s: 300", "minor_stop_s: 301")))) != first
    assert fingerprint(parse(spoilt(("states: packml", "states: {table: packml, map: {11: down}}")))) != first
    assert len(first) == 12


def test_a_site_can_not_be_changed() -> None:
    """Frozen: two parts of the program can not see two configs."""
    site = valid()
    with pytest.raises(ValueError, match="frozen"):
        site.name = "Other"  # type: ignore[misc] # that it is refused is the point
    with pytest.raises(ValueError, match="frozen"):
        site.machine("m1").states.latest.table = None
    assert isinstance(site.machine("m1").states.latest, StateMap)
