"""JupyterLab in a real Chromium: one server and one page, a notebook for each test.

The fixtures live as long as this package's tests do, not the whole session, since
Playwright's synchronous API keeps an event loop in the main thread while it runs.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import nbformat
import pytest

sync_api = pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Locator, Page, sync_playwright  # noqa: E402
