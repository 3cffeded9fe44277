"""What every test has: the recorder's fixtures, also where the project is on the path but not installed."""

from importlib.metadata import entry_points

from hypothesis import settings

# No test is about time: a busy machine must not fail an example that a quiet one passes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

PLUGIN = "ybfort.testing.plugin"
# An installed project brings it by its entry point, and pytest refuses one plug-in twice.
pytest_plugins = [] if any(one.value == PLUGIN for one in entry_points(group="pytest11")) else [PLUGIN]
