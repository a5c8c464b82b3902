"""A real RabbitMQ from Debian's ``rabbitmq-server``: a node of our own, not the system's.

It has its own folder, ports and port mapper (epmd), so nothing of it outlives the tests.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.servers import HOST, WAIT_S, free_port, missing
from tests.servers.certificates import Certificates
from tests.servers.nats import wait_for_port

#: Debian's wrapper of this name insists on being root; the script itself does not.
_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitServer:
    """A node; it takes about five seconds to start, so once a session is enough.

    Attributes
    ----------
    port, tls_port : int
        Where it listens, and where it does so for encrypted connections.
    certificates : Certificates
        What it shows there.
    """

    def __init__(self, folder: Path) -> None:
        script, mapper = _SCRIPT, shutil.which("epmd")
        if not script.exists() or mapper is None:
            missing("There is no RabbitMQ here. On Debian run: apt-get install rabbitmq-server")
        self.port, self.tls_port, mapper_port = free_port(), free_port(), free_port()
        self.certificates = Certificates(folder / "certificates")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {HOST}:{self.port}\n"
            f"listeners.ssl.1 = {HOST}:{self.tls_port}\n"
            f"ssl_options.cacertfile = {self.certificates.authority}\n"
            f"ssl_options.certfile = {self.certificates.certificate}\n"
            f"ssl_options.keyfile = {self.certificates.key}\n"
            "log.file = false\nlog.console = true\nlog.console.level = error\n"
        )
        (folder / "enabled_plugins").write_text("[].\n")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(mapper_port),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_NODENAME": "nbincoming-tests@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }
        self._mapper = subprocess.Popen(
            [mapper, "-address", HOST, "-port", str(mapper_port)], env=environment
        )
        self._node = subprocess.Popen(
            [str(script)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_for_port(self.port, self._node)
        except RuntimeError:
            self.close()
            raise

    def run(self, work: Any) -> Any:
        """Run a coroutine function with a channel."""

        async def run() -> Any:
            import aio_pika

            async with await aio_pika.connect(host=HOST, port=self.port) as connection:
                return await work(await connection.channel())

        return asyncio.run(run())

    def declare(self, queue: str, **settings: Any) -> None:
        """Create a queue."""

        async def declare(channel: Any) -> None:
            await channel.declare_queue(queue, durable=True, **settings)

        self.run(declare)

    def messages(self, queue: str, count: int) -> list[Any]:
        """Wait for so many messages; return all, in order."""

        async def read(channel: Any) -> list[Any]:
            found: list[Any] = []
            place = await channel.get_queue(queue)
            deadline_s = time.monotonic() + WAIT_S
            while time.monotonic() < deadline_s:
                message = await place.get(fail=False, no_ack=True)
                if message is not None:
                    found.append(message)
                elif len(found) >= count:
                    break
                else:
                    await asyncio.sleep(0.02)
            return found

        return list(self.run(read))

    def close(self) -> None:
        """End the node and its mapper."""
        os.killpg(self._node.pid, signal.SIGTERM)
        self._node.wait()
        self._mapper.kill()
        self._mapper.wait()
