//! Memory, tables, handles and stacks: a guest's own, and what the host keeps for it.
//!
//! * a tool: growing one memory, taking what it gets, a module that begins too large, a second memory, fifty; tables; handles of
//!   the host, ten million of its own; recursion, direct and by a table; many locals; a nested budget
//! * Python: lists, a `bytearray`, text that doubles, a number, a dictionary of itself, sets, unpacking, joining, formatting,
//!   decompressing (zlib, zip), a large range as a list, objects in cycles, interned text, SQL
//! * recursion in Python: a function, a generator, `__getattr__`, `__repr__`, deep data through `json`, `pickle`, `copy`, `ast`, `compile`,
//!   `repr`, `==`, `isinstance`, a destructor, a regular expression, an exception's chain, with the limit raised
//! * what the host keeps: results of tool calls, displayed pieces, a session's steps

use serde_json::{Value, json};
use sport_sandbox::limits::MIB;
use sport_sandbox::{Branch, Budget, Failure, Limits, Outcome, RunRequest, ToolHost, ToolInfo};
use wasm_encoder::{
    CanonicalFunctionSection, Component, ComponentTypeSection, ExportKind, InstanceSection, ModuleArg,
    RawSection, ValType,
};

use crate::case::{Case, case, ending_of, python, python_within, tool};
use crate::guest::{Guest, import};
use crate::host::{Host, resident_memory};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    tools(&mut cases);
    handles(&mut cases);
    python_data(&mut cases);
    python_depth(&mut cases);
    cases.push(case("results of tool calls that the host keeps", "exhausted: memory", kept_results));
    cases
}

/// Grows and traps when it is refused.
const BOMB: &str = "(loop $again
    (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
    (br $again)) unreachable";

fn tools(cases: &mut Vec<Case>) {
    let small = Limits { memory_bytes: 32 * MIB, ..Limits::tool() };
    cases.push(tool("growing", "memory-exhausted", small, &[], Guest::doing(BOMB)));
    cases.push(tool(
        "growing to the end of a slot",
        "memory-exhausted",
        Limits::tool(),
        &[],
        Guest::doing(BOMB),
    ));
    let touch = "(loop $again
        (if (i32.eq (memory.grow (i32.const 256)) (i32.const -1)) (then unreachable))
        (memory.fill (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 16777216)) (i32.const 1) (i32.const 16777216))
        (br $again)) unreachable";
    cases.push(tool(
        "growing and writing all of it",
        "memory-exhausted",
        Limits::tool(),
        &[],
        Guest::doing(touch),
    ));
    let mut content = Guest::new();
    let text = content.text("true");
    content.call = format!(
        "(block $full (loop $again
            (br_if $full (i32.eq (memory.grow (i32.const 16)) (i32.const -1)))
            (br $again))) (call $json {text})"
    );
    cases.push(tool("taking what it gets", "answers true", small, &[], content));
    let most = "(if (i32.eq (memory.grow (i32.const 65535)) (i32.const -1)) (then unreachable)) unreachable";
    cases.push(tool("growing by 4 GiB at once", "memory-exhausted", Limits::tool(), &[], Guest::doing(most)));
    let mut second = Guest::answering("1");
    second.top = "(memory $more 1)".to_owned();
    cases.push(case("a second memory in one module", "not-a-component", move |host| refused(host, second)));
    for (name, modules, expected) in [
        ("a second memory in the component", 1, "admitted"),
        ("a third memory in the component", 2, "compile-failed"),
        ("fifty memories in the component", 50, "component-too-big"),
    ] {
        cases.push(case(name, expected, move |host| {
            let module = wat::parse_str("(module (memory 1))").unwrap();
            load(host, &with_modules(Guest::answering("1").build(), &vec![module; modules]))
        }));
    }
    cases.push(case("two memories that grow together", "bad-description", |host| {
        let module = wat::parse_str(
            "(module (memory 1) (func $begin (loop $again
                (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br $again)))
              (start $begin))",
        );
        load(host, &with_modules(Guest::answering("1").build(), &[module.unwrap()]))
    }));
    cases.push(case("a memory that begins with 4 GiB", "compile-failed", |host| {
        let module = wat::parse_str("(module (memory 65536))").unwrap();
        load(host, &with_modules(Guest::answering("1").build(), &[module]))
    }));

    let mut table = Guest::doing(
        "(loop $again
            (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable))
            (br $again)) unreachable",
    );
    table.top = "(table $t 1 funcref)".to_owned();
    cases.push(tool("growing a table", "tables-exhausted", Limits::tool(), &[], table));
    let mut tables = Guest::answering("1");
    tables.top = "(table 9000000 funcref)".to_owned();
    cases.push(case("a table that begins with nine million entries", "compile-failed", move |host| {
        refused(host, tables)
    }));
    let mut many = Guest::answering("1");
    many.top = "(table 1 funcref) ".repeat(40);
    cases.push(case("forty tables", "component-too-big", move |host| refused(host, many)));

    let mut down = Guest::doing("(call $down (i64.const 0)) unreachable");
    down.top = "(func $down (param i64)
        (call $down (i64.add (local.get 0) (i64.const 1)))
        (call $down (i64.add (local.get 0) (i64.const 2))))"
        .to_owned();
    cases.push(tool("recursion", "stack-exhausted", Limits::tool(), &[], down));
    let mut indirect = Guest::doing("(call_indirect $t (type $f) (i32.const 0)) unreachable");
    indirect.top = "(type $f (func)) (table $t 1 funcref) (elem (i32.const 0) $self)
        (func $self (type $f) (call_indirect $t (type $f) (i32.const 0)) (call_indirect $t (type $f) (i32.const 0)))"
        .to_owned();
    cases.push(tool("recursion through a table", "stack-exhausted", Limits::tool(), &[], indirect));
    let mut wide = Guest::doing("(call $down (i64.const 0)) unreachable");
    let locals = "i64 ".repeat(2000);
    let uses: String =
        (1..2000).map(|n| format!("(local.set {n} (i64.add (local.get 0) (i64.const {n})))")).collect();
    let sum: String =
        (1..2000).map(|n| format!("(local.set 0 (i64.xor (local.get 0) (local.get {n})))")).collect();
    wide.top = format!(
        "(func $down (param i64) (local {locals}) {uses} (call $down (local.get 0)) {sum} (call $down (local.get 0)))"
    );
    cases.push(tool("recursion with large frames", "stack-exhausted", Limits::tool(), &[], wide));
}

fn handles(cases: &mut Vec<Case>) {
    let mut guest = Guest::new();
    guest.top = import::CREATE.to_owned();
    let kind = guest.text("text/plain");
    guest.call = format!(
        "(loop $again
            (call $create {kind} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
            (br_if $again (i32.eqz (i32.load8_u (i32.const 512)))))
         (call $quoted (i32.load (i32.const 520)) (i32.load (i32.const 524)))"
    );
    cases.push(tool("open writers", "answers \"writers-exhausted\"", Limits::tool(), &["artifacts"], guest));
    cases.push(case("ten million handles of its own", "too many handles", |host| {
        match host.load_bytes(&with_handles(Guest::answering("1").build(), 10_000_000), &[]) {
            Ok(_) => "admitted".to_owned(),
            Err(error) if error.to_string().contains("too many handles") => "too many handles".to_owned(),
            Err(error) => error.to_string(),
        }
    }));
    let mut bytes = Guest::new();
    bytes.top = [import::CREATE, import::APPEND].join("\n");
    let kind = bytes.text("text/plain");
    bytes.call = format!(
        "(call $create {kind} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
         (i32.store (i32.const 600) (i32.load (i32.const 516)))
         (drop (memory.grow (i32.const 16)))
         (loop $again
            (call $append (i32.load (i32.const 600)) (i32.const 262144) (i32.const 1048576) (i32.const 512))
            (br_if $again (i32.eqz (i32.load8_u (i32.const 512)))))
         (call $quoted (i32.load (i32.const 520)) (i32.load (i32.const 524)))"
    );
    let limits = Limits { artifact_bytes: 20 * MIB, ..Limits::tool() };
    cases.push(tool(
        "bytes of an artifact",
        "answers \"artifacts-exhausted\"",
        limits,
        &["artifacts"],
        bytes,
    ));
}

fn python_data(cases: &mut Vec<Case>) {
    let small = Limits { memory_bytes: 64 * MIB, ..Limits::interpreter() };
    for (name, code) in [
        (
            "lists of empty lists",
            "import gc\ngc.disable()\nx = []\nwhile True: x += [[] for _ in range(1000)]",
        ),
        ("pieces of a megabyte", "x = []\nwhile True: x.append(bytearray(1 << 20))"),
        ("a bytearray of a gigabyte", "x = bytearray(1 << 30)"),
        ("text that doubles", "x = 'x'\nwhile True: x += x"),
        ("bytes that double", "x = b'x'\nwhile True: x += x"),
        ("a list that doubles", "x = [1]\nwhile True: x += x"),
        ("a number of many bits", "x = 1 << (1 << 33)"),
        ("a tuple times a number", "x = ((),) * (1 << 28)"),
        ("a dictionary of everything", "x = {}\nn = 0\nwhile True:\n    x[n] = (n,)\n    n += 1"),
        ("joining", "x = ','.join(['x' * (1 << 20)] * 512)"),
        ("formatting", "x = '%0*d' % (1 << 30, 1)"),
        ("formatting a width", "x = f'{1:>{1 << 30}}'"),
        ("replacing", "x = ('a' * 512).replace('a', 'b' * (1 << 20))"),
        (
            "decompressing",
            "import zlib\nb = zlib.compress(bytes(1 << 27), 9)\nx = [zlib.decompress(b) for _ in range(9)]",
        ),
        ("encoding", "x = ('é' * (1 << 26)).encode('utf-32')"),
        ("a list of a range", "x = list(range(1 << 27))"),
        ("permutations", "import itertools\nx = list(itertools.permutations(range(20)))"),
        (
            "caught again and again",
            "x = []\nwhile True:\n    try:\n        while True: x.append(bytearray(1 << 16))\n    except MemoryError:\n        raise",
        ),
        ("an array", "import array\nx = array.array('d', bytes(8)) * (1 << 26)"),
        ("StringIO", "import io\nx = io.StringIO()\nwhile True: x.write('x' * (1 << 20))"),
    ] {
        cases.push(python_within(&format!("Python, {name}"), "exhausted: memory", small, code));
    }
    // These fill the last bytes with small objects, and leave no room to report it in.
    for (name, code) in [
        ("nested lists", "x = []\nwhile True: x = [x]"),
        (
            "objects in cycles",
            "class A: pass\nx = None\nwhile True:\n    a = A(); a.self = a; a.x = x; x = a",
        ),
        (
            "interned text",
            "import sys\nx = []\nn = 0\nwhile True:\n    x.append(sys.intern(str(n) * 9)); n += 1",
        ),
        ("a deque", "import collections\nx = collections.deque()\nwhile True: x.append('x' * 1000)"),
    ] {
        cases.push(python_within(&format!("Python, {name}"), NO_ROOM, small, code));
    }
    cases.push(python(
        "Python, a MemoryError that is caught",
        "value: caught",
        "try: x = bytearray(1 << 30)\nexcept MemoryError: print('caught')",
    ));
    cases.push(python_within(
        "Python, in a smaller limit",
        "exhausted: memory",
        small,
        "x = bytearray(60 << 20)",
    ));
    cases.push(python(
        "Python, SQL",
        "raised: sqlite3.DataError",
        "import sqlite3\nsqlite3.connect(':memory:').execute('select hex(zeroblob(2000000000))').fetchall()",
    ));
}

/// Not even the exception's text can be made: the instance is lost, the host is not.
const NO_ROOM: &str =
    "trapped: the interpreter failed: the interpreter itself failed: MemoryError:  (interpreter-failed)";

/// The guest's stack ended before Python's own count of levels did: the instance is lost, the host is not.
const TOO_DEEP: &str = "trapped: the code recursed too deeply";

fn python_depth(cases: &mut Vec<Case>) {
    let nest = "x = []\nfor _ in range(100000): x = [x]\n";
    for (name, expected, code) in [
        ("a function", "raised: RecursionError", "def f(): f()\nf()".to_owned()),
        ("a generator", "raised: RecursionError", "def f(): yield from f()\nlist(f())".to_owned()),
        ("an attribute", "raised: RecursionError", "class A:\n    def __getattr__(self, n): return getattr(self, n)\nA().x".to_owned()),
        ("a text form", "raised: RecursionError", "class A:\n    def __repr__(self): return repr(self)\nrepr(A())".to_owned()),
        ("an operator", "raised: RecursionError", "class A:\n    def __add__(self, o): return self + o\nA() + 1".to_owned()),
        ("deep data to text", "raised: RecursionError", format!("{nest}repr(x)")),
        ("deep data compared", TOO_DEEP, "x = []\ny = []\nfor _ in range(100000): x, y = [x], [y]\nx == y".to_owned()),
        ("deep data to JSON", "raised: RecursionError", format!("import json\n{nest}json.dumps(x)")),
        ("deep JSON to data", TOO_DEEP, "import json\njson.loads('[' * 100000 + ']' * 100000)".to_owned()),
        ("deep data pickled", "raised: RecursionError", format!("import pickle\n{nest}pickle.dumps(x)")),
        ("deep data copied", "raised: RecursionError", format!("import copy\n{nest}copy.deepcopy(x)")),
        ("deep data marshalled", "raised: ValueError", format!("import marshal\n{nest}marshal.dumps(x)")),
        ("deep data hashed", TOO_DEEP, "x = ()\nfor _ in range(100000): x = (x,)\nhash(x)".to_owned()),
        ("deep data dropped", TOO_DEEP, format!("{nest}x = None\nprint('gone')")),
        ("deep data as the value", "value", format!("{nest}x")),
        ("deep data as the answer", "raised: TypeError", format!("{nest}final_answer(x)")),
        ("deep source of brackets", "raised: MemoryError", "eval('(' * 10000 + ')' * 10000)".to_owned()),
        ("deep source of signs", "raised: MemoryError", "eval('-' * 100000 + '1')".to_owned()),
        ("deep source of operators", TOO_DEEP, "eval('+'.join(['1'] * 100000))".to_owned()),
        ("deep source of attributes", TOO_DEEP, "eval('a' + '.b' * 100000)".to_owned()),
        ("deep source of blocks", "raised: IndentationError", "exec('\\n'.join(' ' * n + 'if 1:' for n in range(5000)) + ' pass')".to_owned()),
        ("a deep literal", "raised: MemoryError", "import ast\nast.literal_eval('[' * 10000 + ']' * 10000)".to_owned()),
        ("a deep pattern", "raised: RecursionError", "import re\nre.compile('(' * 5000 + ')' * 5000)".to_owned()),
        ("a deep tuple of classes", TOO_DEEP, "t = ()\nfor _ in range(100000): t = (t,)\nisinstance(1, t)".to_owned()),
        ("a chain of exceptions", TOO_DEEP, "e = None\nfor n in range(50000):\n    try: raise ValueError(n) from e\n    except ValueError as x: e = x\nraise e".to_owned()),
        ("deep XML", TOO_DEEP, "import xml.etree.ElementTree as E\nE.tostring(E.fromstring('<a>' * 50000 + '</a>' * 50000))".to_owned()),
        ("the limit raised", "raised: RecursionError", "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): f()\nf()".to_owned()),
        ("the limit raised, in C", "raised: RecursionError", "import sys\nsys.setrecursionlimit(10 ** 9)\nclass A:\n    def __repr__(self): return repr(self)\nrepr(A())".to_owned()),
    ] {
        cases.push(python(&format!("Python, deep: {name}"), expected, &code));
    }
}

/// Sixty-four calls of a tool with half a million small numbers each way. Every number is one byte as text and a whole value
/// on the host.
fn kept_results(host: &Host) -> String {
    let before = resident_memory();
    let code = "x = [0] * 500000\nfor _ in range(64): echo(x=x)".to_owned();
    let limits = Limits { memory_bytes: 256 * MIB, ..Limits::interpreter() };
    let request = RunRequest { code, ..RunRequest::default() };
    let mut watch = Echo { most: 0 };
    let report = host.session(Vec::new()).run(&request, &mut watch, &Budget::new(limits));
    let grown = watch.most.saturating_sub(before) >> 20;
    // What is kept counts as the session's memory, of which there are 256 MiB; the report holds a second copy.
    if grown > 800 { format!("{}, with {grown} MiB more", ending_of(&report)) } else { ending_of(&report) }
}

/// A tool that gives its arguments back.
struct Echo {
    most: usize,
}

impl ToolHost for Echo {
    fn tools(&self) -> Vec<ToolInfo> {
        vec![ToolInfo {
            name: "echo".to_owned(),
            description: "echoes".to_owned(),
            input_schema: json!({ "type": "object" }),
        }]
    }

    fn invoke(&mut self, _: &str, arguments: &Value, _: &mut Branch, _: &Budget) -> Result<Outcome, Failure> {
        self.most = self.most.max(resident_memory());
        assert!(self.most < 6 << 30, "the host is about to run out of memory");
        Ok(Outcome { content: Vec::new(), structured: Some(arguments.clone()) })
    }
}

fn refused(host: &Host, guest: Guest) -> String {
    load(host, &guest.build())
}

fn load(host: &Host, bytes: &[u8]) -> String {
    host.load_bytes(bytes, &[]).map_or_else(|error| error.code().to_owned(), |_| "admitted".to_owned())
}

/// The component with further core modules, each of them instantiated.
fn with_modules(component: Vec<u8>, modules: &[Vec<u8>]) -> Vec<u8> {
    let counts = Counts::of(&component);
    let mut more = Component::new();
    for (index, module) in (0_u32..).zip(modules) {
        more.section(&RawSection { id: 1, data: module });
        let mut instances = InstanceSection::new();
        instances.instantiate(counts.modules + index, Vec::<(&str, ModuleArg)>::new());
        more.section(&instances);
    }
    joined(component, more)
}

/// The component with a core module that makes this many handles of a resource of its own when it starts.
fn with_handles(component: Vec<u8>, count: u32) -> Vec<u8> {
    let counts = Counts::of(&component);
    let mut more = Component::new();
    let mut types = ComponentTypeSection::new();
    types.resource(ValType::I32, None);
    let mut functions = CanonicalFunctionSection::new();
    functions.resource_new(counts.types);
    let module = wat::parse_str(format!(
        "(module (import \"\" \"new\" (func $new (param i32) (result i32)))
           (func $begin (local $n i32) (loop $again
             (drop (call $new (local.get $n)))
             (local.set $n (i32.add (local.get $n) (i32.const 1)))
             (br_if $again (i32.lt_u (local.get $n) (i32.const {count})))))
           (start $begin))"
    ));
    let mut instances = InstanceSection::new();
    instances.export_items([("new", ExportKind::Func, counts.functions)]);
    instances.instantiate(counts.modules, [("", ModuleArg::Instance(counts.instances))]);
    more.section(&types).section(&functions).section(&RawSection { id: 1, data: &module.unwrap() });
    more.section(&instances);
    joined(component, more)
}

/// Sections of a component may follow those that it has.
fn joined(mut component: Vec<u8>, more: Component) -> Vec<u8> {
    const HEADER: usize = 8;
    component.extend_from_slice(&more.finish()[HEADER..]);
    component
}

/// How many of each a component has, which is what the next of each is called.
struct Counts {
    modules: u32,
    types: u32,
    functions: u32,
    instances: u32,
}

impl Counts {
    fn of(component: &[u8]) -> Self {
        let types = wasmparser::Validator::new().validate_all(component).unwrap();
        let types = types.as_ref();
        Self {
            modules: types.module_count(),
            types: types.component_type_count(),
            functions: types.function_count(),
            instances: types.core_instance_count(),
        }
    }
}
