import atexit
import os
import shutil
import tempfile
from inspect import iscoroutinefunction

import pytest
from hypothesis import settings

# No test opens the developer's own keyring, or leaves anything in their home; and no
# proxy of the machine stands between the tests and their servers.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
os.environ["HOME"] = tempfile.mkdtemp(prefix="notifyws-tests-")
atexit.register(shutil.rmtree, os.environ["HOME"], ignore_errors=True)
for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)
for name in ("http", "https", "all", "no", "ws", "wss", "socks"):
    os.environ.pop(f"{name}_proxy", None)
    os.environ.pop(f"{name.upper()}_PROXY", None)

# A machine that others use makes an example slow now and then, and no example wrong.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

pytest_plugins = [
    "tests.support.leaks",
    "tests.support.fixtures",
    "tests.support.browser",
    "tests.support.catalogue",
]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a coroutine on a loop, in virtual time where it is so marked."""
    from tests.support.aio import on_a_loop
    from tests.support.virtual import in_virtual_time

    if iscoroutinefunction(pyfuncitem.obj):
        is_virtual = pyfuncitem.get_closest_marker("virtual_time") is not None
        run = in_virtual_time if is_virtual else on_a_loop
        pyfuncitem.obj = run(pyfuncitem.obj)
