//! The standard library in the component.
//!
//! * all of it can be imported but a list of parts that are known to be missing
//! * what needs a thread, a process, time zone data or a missing C library fails with an ordinary exception
//! * functions that import something late work (dates, codecs, tracebacks, asyncio)
//! * every way to make an event loop makes ours; `open` as a class attribute; deep recursion through C code raises

use serde_json::json;

use crate::support::{python, raised, session, value};

/// What this build of Python lacks; the README names the parts that somebody may look for.
const MISSING: &str = "antigravity bz2 ctypes curses ensurepip fcntl grp idlelib lzma mmap msvcrt nt pty pwd readline \
                       resource ssl syslog termios this tkinter tty turtle turtledemo venv winreg winsound";

#[test]
fn the_whole_library_but_what_is_known_to_be_missing() {
    let info = python().info();
    assert_eq!((info.language.as_str(), info.packages.len()), ("python", 0));
    assert!(info.version.starts_with("3.14"), "{}", info.version);
    let code = "import importlib, sys\nmissing = []\n\
                for name in sorted(sys.stdlib_module_names):\n    if not name.startswith('_'):\n        \
                try: importlib.import_module(name)\n        except ImportError: missing.append(name)\n' '.join(missing)";
    assert_eq!(value(&mut session(), code), json!(MISSING));
}

#[test]
fn what_has_no_machine_to_run_on() {
    for module in ["bz2", "ssl", "ctypes", "tkinter"] {
        let raised = raised(&mut session(), &format!("import {module}"));
        assert_eq!(
            (raised.class.as_str(), raised.message),
            ("ModuleNotFoundError", format!("No module named '{module}'"))
        );
    }
    for (code, class) in [
        ("import threading\nthreading.Thread(target=print).start()", "RuntimeError"),
        ("import subprocess\nsubprocess.run(['ls'])", "OSError"),
        ("import zoneinfo\nzoneinfo.ZoneInfo('Europe/Berlin')", "zoneinfo._common.ZoneInfoNotFoundError"),
    ] {
        assert_eq!(raised(&mut session(), code).class, class, "{code}");
    }
}

#[test]
fn modules_work() {
    let mut session = session();
    for (code, expected) in [
        ("import json\njson.loads(json.dumps({'a': [1, 2.5, 'é']}))", json!({"a": [1, 2.5, "é"]})),
        ("import re\nre.sub(r'(\\w+)@(\\w+)', r'\\2', 'me@home')", json!("home")),
        ("import math, cmath\n[math.comb(5, 2), math.isclose(abs(cmath.exp(1j)), 1)]", json!([10, true])),
        (
            "import statistics\n[statistics.median([3, 1, 2]), statistics.stdev([1, 3])]",
            json!([2, 2.0_f64.sqrt()]),
        ),
        (
            "import decimal, fractions\n[str(decimal.Decimal('0.1') * 3), str(fractions.Fraction(1, 3) * 2)]",
            json!(["0.3", "2/3"]),
        ),
        (
            "import datetime\ndatetime.datetime.strptime('2024-01-02', '%Y-%m-%d').strftime('%A %d %B')",
            json!("Tuesday 02 January"),
        ),
        ("import time\ntime.strftime('%Y', time.gmtime(0))", json!("1970")),
        ("import calendar\ncalendar.monthrange(2024, 2)", json!([3, 29])),
        ("import csv, io\nlist(csv.reader(io.StringIO('a,\"b,c\"')))", json!([["a", "b,c"]])),
        ("import hashlib\nhashlib.sha256(b'x').hexdigest()[:8]", json!("2d711642")),
        (
            "import base64, binascii\n[base64.b64encode(b'hi').decode(), binascii.hexlify(b'hi').decode()]",
            json!(["aGk=", "6869"]),
        ),
        (
            "import zlib, gzip\n[zlib.decompress(zlib.compress(b'ab')).decode(), gzip.decompress(gzip.compress(b'cd')).decode()]",
            json!(["ab", "cd"]),
        ),
        (
            "import zipfile\nwith zipfile.ZipFile('a.zip', 'w') as z: z.writestr('x', 'y')\nzipfile.ZipFile('a.zip').read('x').decode()",
            json!("y"),
        ),
        (
            "import tarfile\nopen('f', 'w').write('q')\nwith tarfile.open('a.tar', 'w') as t: t.add('f')\ntarfile.open('a.tar').getnames()",
            json!(["f"]),
        ),
        (
            "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute('select upper(?)', ('x',)).fetchone()",
            json!(["X"]),
        ),
        (
            "import xml.etree.ElementTree as E\nE.fromstring('<a><b x=\"1\"/></a>')[0].attrib",
            json!({"x": "1"}),
        ),
        (
            "import html, urllib.parse\n[html.escape('<'), urllib.parse.quote('a b')]",
            json!(["&lt;", "a%20b"]),
        ),
        (
            "import collections, itertools, functools, operator\n[collections.Counter('aab').most_common(1), list(itertools.pairwise('abc')), functools.reduce(operator.mul, [2, 3])]",
            json!([[["a", 2]], [["a", "b"], ["b", "c"]], 6]),
        ),
        (
            "import heapq, bisect\n[heapq.nsmallest(2, [3, 1, 2]), bisect.bisect([1, 3], 2)]",
            json!([[1, 2], 1]),
        ),
        (
            "import string, textwrap, unicodedata\n[string.capwords('a b'), textwrap.shorten('a b c', 3, placeholder=''), unicodedata.name('é')]",
            json!(["A B", "a b", "LATIN SMALL LETTER E WITH ACUTE"]),
        ),
        (
            "import struct, array\n[struct.unpack('<h', b'\\x01\\x00')[0], array.array('i', [1, 2]).tolist()]",
            json!([1, [1, 2]]),
        ),
        (
            "import dataclasses, enum, typing, copy\n@dataclasses.dataclass\nclass P:\n    x: int\nclass C(enum.Enum):\n    A = 1\n[copy.deepcopy(P(2)).x, C(1).name, typing.get_type_hints(P)['x'].__name__]",
            json!([2, "A", "int"]),
        ),
        ("import pickle\npickle.loads(pickle.dumps(P(4))).x", json!(4)),
        (
            "import ast, inspect, tokenize\ndef f(a, b=1): return a\n[ast.literal_eval('[1]'), str(inspect.signature(f)), inspect.getsource(f)]",
            json!([[1], "(a, b=1)", "def f(a, b=1): return a\n"]),
        ),
        (
            "import pathlib, os, shutil, glob, tempfile\nos.makedirs('d/e', exist_ok=True)\npathlib.Path('d/x.txt').write_text('1')\nshutil.copy('d/x.txt', 'd/y.txt')\nwith tempfile.TemporaryDirectory() as t: pass\nsorted(glob.glob('d/*'))",
            json!(["d/e", "d/x.txt", "d/y.txt"]),
        ),
        (
            "import configparser, tomllib\nc = configparser.ConfigParser()\nc.read_string('[a]\\nb = 1')\n[c['a']['b'], tomllib.loads('x = [1]')]",
            json!(["1", {"x": [1]}]),
        ),
        ("import random\nrandom.seed(1)\nrandom.randint(1, 10**6)", json!(140_892)),
        (
            "import uuid, secrets\n[uuid.uuid5(uuid.NAMESPACE_DNS, 'x').version, len(secrets.token_hex(4))]",
            json!([5, 8]),
        ),
        (
            "import asyncio\nasync def f(n):\n    await asyncio.sleep(n / 1000)\n    return n\nasync def main():\n    return await asyncio.gather(f(2), f(1))\nasyncio.run(main())",
            json!([2, 1]),
        ),
        (
            "[b'\\xe9'.decode(c) for c in ('latin-1', 'cp1252', 'iso8859_15', 'cp437')]",
            json!(["é", "é", "é", "Θ"]),
        ),
        ("'bücher.de'.encode('idna').decode()", json!("xn--bcher-kva.de")),
        (
            "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as s: help(len)\ns.getvalue()[:23]",
            json!("Help on built-in functi"),
        ),
        (
            "import traceback\ntry: 1/0\nexcept Exception: t = traceback.format_exc()\nt.splitlines()[-1]",
            json!("ZeroDivisionError: division by zero"),
        ),
        ("import logging\nlogging.getLogger('a').warning('careful')\n1", json!(1)),
        ("import decimal\ndecimal.getcontext().prec", json!(28)),
        ("import difflib\ndifflib.get_close_matches('aple', ['apple', 'pear'])", json!(["apple"])),
    ] {
        assert_eq!(value(&mut session, code), expected, "{code}");
    }
}

#[test]
fn event_loops_are_ours_whoever_makes_them() {
    let main = "import asyncio\nasync def main():\n    await asyncio.sleep(0.01)\n    return 7\n";
    for make in [
        "asyncio.run(main())",
        "asyncio.run(main(), loop_factory=asyncio.EventLoop)",
        "asyncio.SelectorEventLoop().run_until_complete(main())",
        "asyncio.new_event_loop().run_until_complete(main())",
        "(asyncio.set_event_loop_policy(None), asyncio.run(main()))[1]",
        "(asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy()), asyncio.run(main()))[1]",
    ] {
        assert_eq!(value(&mut session(), &format!("{main}{make}")), json!(7), "{make}");
    }
}

#[test]
fn open_is_no_method() {
    let code = "class Files:\n    opener = open\nopen('a', 'w').write('x')\nFiles().opener('a').read()";
    assert_eq!(value(&mut session(), code), json!("x"));
}

#[test]
fn deep_recursion_through_c_raises() {
    let cases = [
        "class A:\n    def __repr__(self): return repr(self)\nrepr(A())",
        "class A:\n    def __getattr__(self, name): return self.name\nA().x",
        "class A:\n    def __eq__(self, other): return self == other\nA() == A()",
        "def f(x): return max([x], key=f)\nf(1)",
        "def f(x): return sorted([x], key=f)\nf(1)",
        "def f(x): return list(map(f, [x]))\nf(1)",
        "from functools import lru_cache\n@lru_cache\ndef f(n): return f(n + 1)\nf(0)",
        "def f(n): return sum(f(n + 1) for _ in (1,))\nf(0)",
    ];
    for code in cases {
        assert_eq!(raised(&mut session(), code).class, "RecursionError", "{code}");
    }
    // and the session goes on
    let mut session = session();
    raised(&mut session, cases[0]);
    assert_eq!(value(&mut session, "1 + 1"), json!(2));
}
