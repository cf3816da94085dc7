import os

# No test opens the developer's own keyring.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"

pytest_plugins = [
    "tests.support.leaks",
    "tests.support.fixtures",
    "tests.support.catalogue",
]
