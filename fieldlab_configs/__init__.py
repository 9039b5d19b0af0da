"""What a fieldlab is: the typed, frozen, strict model of its configuration file."""

from fieldlab_configs.app import AppConfig, AppUser
from fieldlab_configs.broker_sources import MqttSource, SparkplugSource
from fieldlab_configs.calendar import Break, PlannedDowntime, Shift
from fieldlab_configs.connections import (
    DriverSource,
    Gateway,
    Metrics,
    Source,
    Spool,
    StoreConfig,
)
from fieldlab_configs.dated import Dated
from fieldlab_configs.errors import ConfigError
from fieldlab_configs.experiments import Company, Experiment, Window
from fieldlab_configs.load import load, parse
from fieldlab_configs.opcua_source import OpcUaSource, application_uri
from fieldlab_configs.plant import (
    EnergyFactors,
    FromCount,
    FromPower,
    Line,
    Machine,
    Product,
    Signal,
    StateMap,
)
from fieldlab_configs.reports import MailServer, ReportsConfig, WeeklyReport
from fieldlab_configs.secret import Secret
from fieldlab_configs.site import Site, fingerprint
from fieldlab_configs.states import STATE_CLASSES, TABLES, code_text
from fieldlab_configs.units import factor

__all__ = [
    "STATE_CLASSES",
    "TABLES",
    "AppConfig",
    "AppUser",
    "Break",
    "Company",
    "ConfigError",
    "Dated",
    "DriverSource",
    "EnergyFactors",
    "Experiment",
    "FromCount",
    "FromPower",
    "Gateway",
    "Line",
    "Machine",
    "MailServer",
    "Metrics",
    "MqttSource",
    "OpcUaSource",
    "PlannedDowntime",
    "Product",
    "ReportsConfig",
    "Secret",
    "Shift",
    "Signal",
    "Site",
    "Source",
    "SparkplugSource",
    "Spool",
    "StateMap",
    "StoreConfig",
    "WeeklyReport",
    "Window",
    "application_uri",
    "code_text",
    "factor",
    "fingerprint",
    "load",
    "parse",
]
