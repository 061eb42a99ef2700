//! Ways out of the interpreter that are not files: code in it must find no environment, no process, no network, no native
//! code and no file of the host, whatever part of the library it uses.
//!
//! * the environment, the user, the machine's name, arguments, time and random numbers of the machine
//! * processes: commands, `fork`, `exec`, `spawn`, pools, threads, signals
//! * sockets: TCP to 127.0.0.1, ::1, an IPv4-mapped address, odd spellings, the metadata address, a name; UDP; listening; Unix;
//!   raw; through `urllib`, `http.client`, `smtplib`, `asyncio`
//! * native code: `ctypes`, `mmap`, `fcntl`, extension modules from files
//! * files of the host through `importlib`, `zipimport`, `runpy`, `sqlite3`, `linecache`, `file:` addresses, descriptors
//! * the interpreter's own imports: a tool that is not there, output outside of a run, its frames and modules
//! * ends: `abort`, `_exit`, a broken standard library

use std::time::Duration;

use sport_sandbox::Limits;

use crate::case::{Case, python, python_within};

/// What a runtime that gives up comes to.
const UNREACHABLE: &str =
    "trapped: the component trapped (wasm trap: wasm `unreachable` instruction executed)";

/// Code that must print exactly this.
fn prints(name: &str, expected: &str, code: &str) -> Case {
    python(name, &format!("value: {expected}"), code)
}

/// A statement that must raise exactly this.
fn raises(name: &str, class: &str, code: &str) -> Case {
    python(name, &format!("raised: {class}"), code)
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    environment(&mut cases);
    processes(&mut cases);
    sockets(&mut cases);
    native(&mut cases);
    host_files(&mut cases);
    own_parts(&mut cases);
    cases
}

fn environment(cases: &mut Vec<Case>) {
    cases.push(prints("the environment", "{} None", "import os\nprint(dict(os.environ), os.getenv('PATH'))"));
    cases.push(prints(
        "the environment as the system has it",
        "[]",
        "import os\nos.environ['A'] = 'b'\nimport posix\nprint([k for k in posix.environ if k != b'A'])",
    ));
    cases.push(prints("the machine's name", "(none)", "import socket\nprint(socket.gethostname())"));
    cases.push(raises("the user", "OSError", "import getpass\ngetpass.getuser()"));
    cases.push(prints(
        "the home folder",
        "False",
        "import os.path\nprint(os.path.exists(os.path.expanduser('~')))",
    ));
    cases.push(prints("arguments of the host", "[]", "import sys\nprint(sys.argv[1:])"));
    cases.push(prints("standard input of the host", "b''", "import os\nprint(os.read(0, 100))"));
    cases.push(prints(
        "the date of the machine",
        "2026-01-01",
        "import datetime\nprint(datetime.date.today())",
    ));
    cases.push(prints(
        "time of the machine, in a loop",
        "True",
        "import time\na = time.perf_counter_ns()\nx = sum(range(10**6))\nprint(time.perf_counter_ns() - a == 100000)",
    ));
    cases.push(prints("the number of processors", "True", "import os\nprint(os.cpu_count() in (None, 1))"));
    cases.push(raises("the machine's load", "AttributeError", "import os\nos.getloadavg()"));
}

fn processes(cases: &mut Vec<Case>) {
    for (name, class, code) in [
        ("a command by os.system", "AttributeError", "import os\nos.system('id')"),
        ("a command by os.popen", "OSError", "import os\nos.popen('id').read()"),
        ("a command by subprocess", "OSError", "import subprocess\nsubprocess.run(['id'])"),
        ("a command by a shell", "OSError", "import subprocess\nsubprocess.check_output('id', shell=True)"),
        ("fork", "AttributeError", "import os\nos.fork()"),
        ("exec", "AttributeError", "import os\nos.execv('/bin/sh', ['sh'])"),
        ("posix_spawn", "AttributeError", "import os\nos.posix_spawn('/bin/sh', ['sh'], {})"),
        ("a thread", "RuntimeError", "import threading\nthreading.Thread(target=print).start()"),
        ("a low thread", "RuntimeError", "import _thread\n_thread.start_new_thread(print, ())"),
        (
            "a pool of threads",
            "RuntimeError",
            "import concurrent.futures as c\nc.ThreadPoolExecutor().submit(print).result()",
        ),
        ("a pool of processes", "AttributeError", "import multiprocessing\nmultiprocessing.Pool(2)"),
        ("killing the host", "AttributeError", "import os\nos.kill(1, 9)"),
        ("killing itself", "AttributeError", "import os\nos.kill(os.getpid(), 9)"),
        ("an alarm", "AttributeError", "import signal\nsignal.alarm(1)"),
        ("limits of the process", "ModuleNotFoundError", "import resource\nresource.setrlimit(0, (0, 0))"),
        ("a pseudo terminal", "ModuleNotFoundError", "import pty\npty.spawn('/bin/sh')"),
        ("another interpreter", "ModuleNotFoundError", "import _interpreters\n_interpreters.create()"),
    ] {
        cases.push(raises(name, class, code));
    }
    cases.push(prints(
        "a handler for signals",
        "done",
        "import signal\ntry: signal.signal(signal.SIGINT, lambda *a: None)\nexcept (OSError, ValueError): pass\nprint('done')",
    ));
}

fn sockets(cases: &mut Vec<Case>) {
    let connect = |host: &str, family: &str| {
        format!(
            "import socket\ntry:\n    s = socket.socket(socket.{family})\n    s.settimeout(1)\n    s.connect(('{host}', 80))\n    print('connected')\nexcept OSError: print('refused')"
        )
    };
    for (name, address, family) in [
        ("127.0.0.1", "127.0.0.1", "AF_INET"),
        ("::1", "::1", "AF_INET6"),
        ("an IPv4-mapped address", "::ffff:127.0.0.1", "AF_INET6"),
        ("a short address", "127.1", "AF_INET"),
        ("a hexadecimal address", "0x7f.1", "AF_INET"),
        ("a whole number", "2130706433", "AF_INET"),
        ("the metadata address", "169.254.169.254", "AF_INET"),
        ("0.0.0.0", "0.0.0.0", "AF_INET"),
        ("a name", "localhost", "AF_INET"),
        ("a name of the world", "example.com", "AF_INET"),
    ] {
        cases.push(prints(&format!("TCP to {name}"), "refused", &connect(address, family)));
    }
    for (name, code) in [
        ("UDP", "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('127.0.0.1', 53))"),
        ("listening", "s = socket.socket(); s.bind(('0.0.0.0', 8080)); s.listen()"),
        ("a Unix socket", "s = socket.socket(socket.AF_UNIX); s.connect('/var/run/docker.sock')"),
        (
            "a raw socket",
            "s = socket.socket(socket.AF_INET, socket.SOCK_RAW); s.sendto(b'x', ('127.0.0.1', 0))",
        ),
        ("a pair", "a, b = socket.socketpair()"),
        ("looking a name up", "socket.getaddrinfo('example.com', 80)"),
        ("a socket from a descriptor", "s = socket.socket(fileno=3); s.send(b'x')"),
        ("urllib", "import urllib.request; urllib.request.urlopen('http://127.0.0.1/', timeout=1)"),
        ("http.client", "import http.client; http.client.HTTPConnection('127.0.0.1').request('GET', '/')"),
        ("smtplib", "import smtplib; smtplib.SMTP('127.0.0.1')"),
        ("ftplib", "import ftplib; ftplib.FTP('127.0.0.1')"),
        ("asyncio", "import asyncio; asyncio.run(asyncio.open_connection('127.0.0.1', 80))"),
    ] {
        let code = format!(
            "import socket\ntry:\n    {code}\n    print('went through')\nexcept Exception: print('refused')"
        );
        cases.push(prints(&format!("network by {name}"), "refused", &code));
    }
}

fn native(cases: &mut Vec<Case>) {
    for (name, class, code) in [
        ("ctypes", "ModuleNotFoundError", "import ctypes"),
        ("_ctypes", "ModuleNotFoundError", "import _ctypes"),
        ("mmap", "ModuleNotFoundError", "import mmap"),
        ("fcntl", "ModuleNotFoundError", "import fcntl"),
        (
            "an extension module from a file",
            "ImportError",
            "open('/scratch/x.so', 'wb').write(b'\\x7fELF' * 99)\nimport importlib.machinery as m, importlib.util as u\n\
             l = m.ExtensionFileLoader('x', '/scratch/x.so')\nu.module_from_spec(u.spec_from_loader('x', l))",
        ),
        (
            "an extension of SQLite",
            "AttributeError",
            "import sqlite3\nc = sqlite3.connect(':memory:')\nc.enable_load_extension(True)\nc.load_extension('/scratch/x.so')",
        ),
    ] {
        cases.push(raises(name, class, code));
    }
    // Memory safety of the interpreter is its own affair: the component's memory ends where the sandbox says.
    cases.push(python(
        "bytecode made by hand",
        UNREACHABLE,
        "def f(): pass\nf.__code__ = f.__code__.replace(co_code=bytes([83, 255, 100, 255]) * 50, co_stacksize=1)\nf()",
    ));
}

fn host_files(cases: &mut Vec<Case>) {
    for (name, class, code) in [
        (
            "a module from a host file",
            "FileNotFoundError",
            "import importlib.util as u\ns = u.spec_from_file_location('x', '/etc/passwd.py')\nm = u.module_from_spec(s)\ns.loader.exec_module(m)",
        ),
        (
            "modules of the machine",
            "ModuleNotFoundError",
            "import sys\nsys.path += ['/usr/lib/python3', '/usr/lib/python3/dist-packages', '/']\nimport apt",
        ),
        (
            "a module from a host archive",
            "zipimport.ZipImportError",
            "import zipimport\nzipimport.zipimporter('/usr/share/x.zip')",
        ),
        ("running a host file", "FileNotFoundError", "import runpy\nrunpy.run_path('/etc/profile')"),
        (
            "a database of the host",
            "sqlite3.OperationalError",
            "import sqlite3\nsqlite3.connect('/etc/passwd').execute('select 1')",
        ),
        (
            "attaching a database of the host",
            "sqlite3.OperationalError",
            "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute(\"attach '/etc/x.db' as x\")\nc.execute('create table x.t (a)')",
        ),
        (
            "a file: address",
            "urllib.error.URLError",
            "import urllib.request\nurllib.request.urlopen('file:///etc/passwd')",
        ),
    ] {
        cases.push(raises(name, class, code));
    }
    cases.push(prints(
        "lines of a host file",
        "''",
        "import linecache\nprint(repr(linecache.getline('/etc/passwd', 1)))",
    ));
    cases.push(prints(
        "descriptors that were open",
        "[]",
        "import os\nfound = []\nfor fd in range(3, 100):\n    try:\n        s = os.fstat(fd)\n        \
         if not os.path.samestat(s, os.stat('/task')) and not os.path.samestat(s, os.stat('/scratch')): found.append(fd)\n    except OSError: pass\nprint(found)",
    ));
    cases.push(prints(
        "reading the standard streams",
        "refused",
        "import os\ntry: print(os.read(1, 9))\nexcept OSError: print('refused')",
    ));
}

fn own_parts(cases: &mut Vec<Case>) {
    cases.push(prints(
        "the host's tools, called by hand",
        "no-such-tool no-such-tool",
        "from wit_world.imports import tools\nfrom componentize_py_types import Err\n\
         def f(name):\n    try: return tools.invoke(name, '{}')\n    except Err as e: return e.value.code\nprint(f('shell'), f('x' * 100000))",
    ));
    cases.push(prints(
        "arguments that are no JSON, by hand",
        "bad-guest-value bad-guest-value",
        "from wit_world.imports import tools\nfrom componentize_py_types import Err\n\
         def f(text):\n    try: return tools.invoke('x', text)\n    except Err as e: return e.value.code\nprint(f('{'), f('[' * 100000))",
    ));
    cases.push(prints(
        "frames of the interpreter",
        "True",
        "import sys\nf = sys._getframe()\nwhile f.f_back: f = f.f_back\nprint('sport_python' in str(f.f_code.co_filename))",
    ));
    cases.push(python("abort", UNREACHABLE, "import os\nos.abort()"));
    cases.push(python("leaving at once", "exited: 3", "import os\nos._exit(3)"));
    cases.push(python(
        "leaving by a real exit",
        "exited: 7",
        "import sys\ntry: sys.exit(7)\nfinally: print('x')",
    ));
    cases.push(python(
        "everything deleted",
        "value",
        "import sys, builtins\nsys.modules.clear()\nvars(builtins).clear()",
    ));
    let limits = Limits { wall: Duration::from_secs(5), host_calls: 2_000, ..Limits::interpreter() };
    cases.push(python_within(
        "swallowing the stop of the host",
        "exhausted: host calls",
        limits,
        "import time\nwhile True:\n    try:\n        while True: time.time()\n    except BaseException: continue",
    ));
}
