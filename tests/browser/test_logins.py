"""Logging a terminal in by a page, in a real browser: by a code, by a token that is pasted."""

import asyncio
import json
import subprocess
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.browser.test_keyboard import tab_to
from tests.browser.window import EMAIL, Window, expect, window
from tests.issuer.browsing import PASSWORD
from tests.issuer.rig import in_loop
from tests.login.issuing import COMMAND, command, environment

Process = asyncio.subprocess.Process


@asynccontextmanager
async def logging_in(here: Window, path: Path) -> AsyncGenerator[tuple[str, Process]]:
    """Run ``rf-middleware login`` without a browser of its own; yield the address it prints, and the process."""
    arguments = [*COMMAND, "login", "--no-browser", "--json", "--url", here.issuer.url]
    process = await asyncio.create_subprocess_exec(*arguments, env=environment(path), stdout=PIPE, stderr=PIPE)
    try:
        assert process.stderr is not None
        line = ""
        while "/device?user_code=" not in line:
            line = (await process.stderr.readline()).decode()
            assert line, "it ended without a word of the page"
        yield line.split()[-1].strip(), process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def whoami(path: Path) -> dict[str, object]:
    """Ask who is logged in."""
    said: dict[str, object] = json.loads(command(path, "whoami", "--json").stdout)
    return said


@pytest.mark.parametrize("script", [True, False])
@in_loop
async def test_a_terminal_is_let_in_by_an_explicit_yes(script: bool, tmp_path: Path) -> None:
    """Who is not signed in signs in first and comes back to the question; the code is that of the terminal."""
    path = tmp_path / "config.json"
    async with window(tmp_path, script=script) as here:
        await here.sign_up()
        await here.page.context.clear_cookies()
        async with logging_in(here, path) as (address, process):
            await here.page.goto(address)
            await here.fill(email=EMAIL, password=PASSWORD)
            await here.press("Sign in")
            await expect(here.page.get_by_text(address.rpartition("=")[2])).to_be_visible()
            await expect(here.page.get_by_text("127.0.0.1")).to_be_visible()
            await expect(here.page.get_by_role("checkbox", name="Acme & Sons")).to_be_checked()
            await here.press("Yes, connect it")
            await expect(here.page.get_by_role("heading", name="Allowed")).to_be_visible()
            out, errors = await process.communicate()
        assert process.returncode == 0, errors
        assert json.loads(out)["workspace"] == "acme"
        assert whoami(path).items() >= {"workspace": "acme", "valid": True}.items()
        await here.go("/settings/api/acme")
        await expect(here.page.get_by_role("rowheader", name="login on")).to_have_count(1)
        await here.page.goto(address)
        await expect(here.page.get_by_role("heading", name="This code was answered already")).to_be_visible()


@in_loop
async def test_a_terminal_that_nobody_started_is_refused(tmp_path: Path) -> None:
    """With the keyboard alone: a wrong code is said and kept, a right one typed in, no is said, the command ends."""
    path = tmp_path / "config.json"
    async with window(tmp_path) as here:
        await here.sign_up()
        async with logging_in(here, path) as (address, process):
            await here.go("/device")
            await tab_to(here.page, "Code")
            await here.page.keyboard.type("bcdfghj2")
            await here.page.keyboard.press("Enter")
            await expect(here.page.get_by_text("This code is not known.")).to_be_visible()
            await expect(here.page.get_by_label("Code")).to_be_focused()
            await expect(here.page.get_by_label("Code")).to_have_value("bcdfghj2")
            await here.page.keyboard.press("Control+A")
            await here.page.keyboard.type(address.rpartition("=")[2].lower().replace("-", " "))
            await here.page.keyboard.press("Enter")
            await expect(here.page.get_by_role("heading", name="Connect ")).to_be_visible()
            await tab_to(here.page, "No")
            await here.page.keyboard.press("Enter")
            await expect(here.page.get_by_role("heading", name="Refused")).to_be_visible()
            _, errors = await process.communicate()
        assert process.returncode == 1
        assert b"denied on the page" in errors
        assert not path.exists()


@pytest.mark.parametrize("script", [True, False])
@in_loop
async def test_a_token_is_pasted_into_a_terminal(script: bool, tmp_path: Path) -> None:
    """Nothing is made where no workspace is ticked; the token works once and is in no address."""
    path = tmp_path / "config.json"
    async with window(tmp_path, script=script) as here:
        await here.sign_up()
        await here.go("/auth-cli/")
        await here.page.get_by_role("checkbox", name="Acme & Sons").uncheck()
        await here.press("Generate Token")
        await expect(here.page.get_by_text("Choose at least one workspace.")).to_be_visible()
        await here.page.get_by_role("checkbox", name="Acme & Sons").check()
        await here.press("Generate Token")
        token = await here.page.get_by_label("One-time token").input_value()
        assert token not in here.page.url
        done = await asyncio.to_thread(pasted, path, here.issuer.url, token)
        assert done.returncode == 0, done.stderr
        assert whoami(path).items() >= {"workspace": "acme", "valid": True}.items()
        assert (await asyncio.to_thread(pasted, path, here.issuer.url, token)).returncode == 1


def pasted(path: Path, url: str, token: str) -> "subprocess.CompletedProcess[str]":
    """Paste a token into the command."""
    return command(path, "login", "--paste", "--force", "--url", url, typed=f"{token}\n")
