import atexit
import os
import shutil
import tempfile

# No test opens the developer's own keyring, or leaves anything in their home.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
os.environ["HOME"] = tempfile.mkdtemp(prefix="notifyws-tests-")
atexit.register(shutil.rmtree, os.environ["HOME"], ignore_errors=True)
for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)

pytest_plugins = [
    "tests.support.leaks",
    "tests.support.fixtures",
    "tests.support.browser",
    "tests.support.catalogue",
]
