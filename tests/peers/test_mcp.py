"""`sport mcp` and the official Python client: over a pipe and over HTTP, with the handshake and without.

Run by `make test-peers`, from a venv with the real package.

* tools are listed and called; the client holds results against their schemas
* sessions: open, run, fork, close; files as links that are read; a file that is handed in
* progress, a cancelled call, a deadline
* a tool that is added is told: by `subscriptions/listen`, or to whoever shook hands
* a client without the token is kept out
"""

import base64
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from contextlib import asynccontextmanager

import anyio
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPORT = str(ROOT / "target/release/sport")
COMPONENTS = ROOT / "target/components"
TOKEN = "a-token-that-nobody-guesses-4711"
# Over what, and in which of the protocol's lives.
WAYS = [(over, mode) for over in ("pipe", "http") for mode in ("auto", "legacy")]
# Longer than anything takes on a busy machine.
LONG = 60


class Server:
    """A server for clients of one kind, with grants of its own."""

    def __init__(self, over, *flags):
        self.over, self.flags = over, list(flags)
        self.folder = tempfile.TemporaryDirectory()
        self.env = dict(os.environ, SPORT_CONFIG=str(self.path("config")), SPORT_MCP_TOKEN=TOKEN)

    def path(self, name):
        return pathlib.Path(self.folder.name) / name

    def plugin(self, *arguments):
        subprocess.run([SPORT, "plugin", *arguments], env=self.env, check=True, capture_output=True)

    def __enter__(self):
        if self.over == "http":
            command = [SPORT, "mcp", "--http", "0", *self.flags]
            self.process = subprocess.Popen(command, env=self.env, stderr=subprocess.PIPE, text=True)
            line = self.process.stderr.readline()
            self.url = re.fullmatch(r"listening on (\S+)\n", line).group(1)
        return self

    def __exit__(self, *_):
        if self.over == "http":
            self.process.send_signal(signal.SIGINT)
            self.process.wait(LONG)
            self.process.stderr.close()
        self.folder.cleanup()

    @asynccontextmanager
    async def client(self, mode, token=TOKEN, **options):
        if self.over == "pipe":
            parameters = StdioServerParameters(command=SPORT, args=["mcp", *self.flags], env=self.env)
            async with Client(stdio_client(parameters), mode=mode, **options) as client:
                yield client
            return
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx2.AsyncClient(headers=headers, timeout=LONG) as http:
            async with Client(streamable_http_client(self.url, http_client=http), mode=mode, **options) as client:
                yield client


def in_every_way(*flags):
    """Runs a test for every way to the server, each with a server of its own."""

    def wrap(test):
        def run(self):
            for over, mode in WAYS:
                with self.subTest(over=over, mode=mode), Server(over, *flags) as server:

                    async def main():
                        with anyio.fail_after(2 * LONG):
                            await test(self, server, mode)

                    anyio.run(main)

        run.__name__ = test.__name__
        return run

    return wrap


async def session_of(client, **arguments):
    opened = await client.call_tool("python_open", arguments)
    assert not opened.is_error, opened
    return opened.structured_content["session"]


async def run(client, session, code, **more):
    return await client.call_tool("python_run", {"session": session, "code": code}, **more)


class Mcp(unittest.TestCase):
    @in_every_way("--tool", "calculator")
    async def test_tools(self, server, mode):
        async with server.client(mode) as client:
            newest = "2026-07-28"
            self.assertEqual(client.protocol_version == newest, mode == "auto", client.protocol_version)
            self.assertEqual(client.server_info.name, "sport")
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            self.assertIn("calculate", tools)
            self.assertTrue(tools["calculate"].annotations.read_only_hint)
            result = await client.call_tool("calculate", {"expression": "6*7"})
            self.assertEqual((result.is_error, result.structured_content["result"]), (False, 42))
            result = await client.call_tool("calculate", {"expression": "6*"})
            self.assertTrue(result.is_error)
            with self.assertRaises(MCPError):
                await client.call_tool("no_such_tool", {})

    @in_every_way("--tool", "image", "--tool", "calculator")
    async def test_sessions_and_files(self, server, mode):
        picture = next((pathlib.Path(os.environ.get("SPORT_CACHE", "~/.cache/sport")).expanduser() / "images").glob("coffee.png"))
        async with server.client(mode) as client:
            await client.list_tools()
            given = {"name": "photo.png", "base64": base64.b64encode(picture.read_bytes()).decode()}
            put = await client.call_tool("artifact_put", given)
            uri = put.structured_content["uri"]
            cropped = await client.call_tool("crop_image", {"image": uri, "box": [0, 0, 40, 30]})
            links = [block for block in cropped.content if block.type == "resource_link"]
            blob = (await client.read_resource(str(links[0].uri))).contents[0].blob
            self.assertEqual(base64.b64decode(blob)[:4], b"\x89PNG")
            session = await session_of(client, files=[{"name": "photo.png", "uri": uri}])
            code = "open('/scratch/out.txt', 'w').write('made')\n[image_info(image='photo.png')['width'], calculate(expression='1+1')['result']]"
            result = await run(client, session, code)
            self.assertEqual(result.structured_content["value"], [600, 2])
            link = next(block for block in result.content if block.type == "resource_link")
            self.assertEqual((await client.read_resource(str(link.uri))).contents[0].text, "made")
            fork = (await client.call_tool("python_fork", {"session": session})).structured_content["session"]
            await run(client, fork, "x = 1")
            raised = await run(client, session, "x")
            self.assertEqual(raised.structured_content["raised"]["class"], "NameError")
            await client.call_tool("python_close", {"session": session})
            self.assertTrue((await run(client, session, "1")).is_error)

    @in_every_way()
    async def test_progress_and_an_end(self, server, mode):
        async with server.client(mode) as client:
            session = await session_of(client)
            heard = []

            async def on_progress(progress, total, message):
                heard.append((progress, total, message))

            code = "n = 0\nwhile True:\n    n += 1\n    if n % 200000 == 0: print('so far', n, flush=True)"
            arguments = {"session": session, "code": code, "timeout_seconds": 3}
            result = await client.call_tool("python_run", arguments, progress_callback=on_progress)
            self.assertEqual((result.is_error, result.structured_content["ending"]), (True, "deadline"))
            self.assertGreaterEqual(len(heard), 2)
            self.assertEqual(heard, sorted(heard))
            self.assertTrue(any("so far" in message for _, _, message in heard), heard)
            self.assertEqual({total for _, total, _ in heard}, {3.0})
            # a call that is no longer wanted: the client says so, and the session is free
            session = await session_of(client)
            await run(client, session, "x = 5")
            with anyio.move_on_after(1.5):
                await run(client, session, "while True: pass")
            began = time.monotonic()
            after = await run(client, session, "x")
            self.assertLess(time.monotonic() - began, 20)
            self.assertFalse(after.structured_content["healthy"])
            fork = (await client.call_tool("python_fork", {"session": session})).structured_content["session"]
            self.assertEqual((await run(client, fork, "x")).structured_content["value"], 5)

    @in_every_way("--no-interpreter")
    async def test_a_tool_is_added(self, server, mode):
        changed = anyio.Event()

        async def on_message(message):
            if getattr(message, "method", "") == "notifications/tools/list_changed":
                changed.set()

        def add():
            shutil.copy(COMPONENTS / "calculator.wasm", server.path("sums.wasm"))
            server.plugin("add", str(server.path("sums.wasm")))

        async with server.client(mode, message_handler=on_message) as client:
            self.assertEqual([tool.name for tool in (await client.list_tools()).tools], ["artifact_put"])
            with anyio.fail_after(LONG):
                if mode == "auto":
                    async with client.listen(tools_list_changed=True) as changes:
                        await anyio.to_thread.run_sync(add)
                        async for _ in changes:
                            break
                else:
                    # over HTTP the client opens its listening stream beside the first requests
                    await anyio.sleep(1)
                    await anyio.to_thread.run_sync(add)
                    await changed.wait()
            names = [tool.name for tool in (await client.list_tools()).tools]
            self.assertEqual(names, ["artifact_put", "calculate"])
            result = await client.call_tool("calculate", {"expression": "2+3"})
            self.assertEqual(result.structured_content["result"], 5)

    def test_without_the_token(self):
        with Server("http", "--no-interpreter") as server:
            for token in (None, "wrong"):

                async def main():
                    async with server.client("legacy", token=token) as client:
                        await client.list_tools()

                with self.subTest(token=token), self.assertRaises(Exception) as caught:
                    anyio.run(main)
                self.assertNotIn(TOKEN, repr(caught.exception))


if __name__ == "__main__":
    unittest.main()
