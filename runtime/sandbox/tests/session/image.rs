//! Which interpreters start from a mapped snapshot.
//!
//! * a small guest of the known shape: its data is where it belongs, the last of two overlapping segments wins, every
//!   instance starts from it afresh
//! * the same guest with a start function, with a passive segment, with no data: left as it is, and works the same
//! * loading from the cache, and with a damaged image in the cache
//! * the Python component is of the known shape
//! * two instances of it share the image and none of its changes
//! * memory grows beyond the image, and what lies beyond it is zero at first

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sport_sandbox::{
    ArtifactStore, EndingKind, Grants, Interpreter, Sandbox, SandboxOptions, SessionOptions,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::support::{Tools, budget, code, printed, python, session};

/// Keeps the free place in a global.
const BUMP_GLOBAL: &str = "(global $free (mut i32) (i32.const 65536))
          (func $get (result i32) (global.get $free))
          (func $set (param i32) (global.set $free (local.get 0)))";

/// An interpreter whose every run exits with a number from its memory, and counts it up.
fn guest(extra: &str, data: &str) -> Vec<u8> {
    guest_with(BUMP_GLOBAL, extra, data, "")
}

/// The same: `bump` has `$get` and `$set` of the free place, `in_run` is done in every run.
pub fn guest_with(bump: &str, extra: &str, data: &str, in_run: &str) -> Vec<u8> {
    let contract = r#"{\22packages\22:{\22sport:base\22:\220.1.0\22,\22sport:host\22:\220.1.0\22,\22sport:interpreter\22:\220.1.0\22},\22sdk\22:\22none\22}"#;
    let text = format!(
        r#"(module
          (memory (export "memory") 5)
          {data}
          {bump}
          {extra}
          (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
            (call $get)
            (call $set (i32.and (i32.const -8) (i32.add (i32.const 15) (i32.add (call $get) (local.get $size))))))
          (func (export "sport:interpreter/interpreter@0.1.0#describe") (result i32)
            (i32.store (i32.const 2000) (i32.const 1000)) (i32.store (i32.const 2004) (i32.const 3))
            (i32.store (i32.const 2008) (i32.const 1000)) (i32.store (i32.const 2012) (i32.const 3))
            (i32.store8 (i32.const 1000) (i32.const 119)) (i32.store8 (i32.const 1001) (i32.const 97))
            (i32.store8 (i32.const 1002) (i32.const 116))
            (i32.const 2000))
          (func (export "sport:interpreter/interpreter@0.1.0#run")
            (param i32 i32 i32 i32 i32 i32 i32) (result i32)
            {in_run}
            (i32.store8 (i32.const 3000) (i32.const 0))
            (i32.store8 (i32.const 3004) (i32.const 3))
            (i32.store (i32.const 3008) (i32.load (i32.const 196608)))
            (i32.store (i32.const 196608) (i32.add (i32.const 1) (i32.load (i32.const 196608))))
            (i32.const 3000))
          (@custom "sport:contract" "{contract}"))"#
    );
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let packages: Vec<_> =
        ["base", "host", "interpreter"].map(|f| resolve.push_path(wit.join(f)).unwrap().0).into();
    let world = resolve.select_world(&packages[2..], Some("code-interpreter")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

pub const NUMBER: &str = r#"(data (i32.const 196608) "\09\00\00\00") (data (i32.const 196608) "\2a")"#;

pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn load(&self, bytes: &[u8]) -> Arc<Interpreter> {
        let path = self.folder.path().join("guest.wasm");
        std::fs::write(&path, bytes).unwrap();
        let sandbox = Sandbox::new(SandboxOptions::new(self.folder.path().join("aot"))).unwrap();
        sandbox.interpreter(&path, &Grants::none()).unwrap()
    }

    /// The files in the cache of compiled components that end so.
    fn kept(&self, ending: &str) -> Vec<PathBuf> {
        find(&self.folder.path().join("aot"), ending)
    }
}

fn find(aot: &Path, ending: &str) -> Vec<PathBuf> {
    let shelves = std::fs::read_dir(aot).unwrap().map(|shelf| shelf.unwrap().path());
    let files = shelves.flat_map(|shelf| std::fs::read_dir(shelf).unwrap()).map(|file| file.unwrap().path());
    files.filter(|file| file.to_string_lossy().ends_with(ending)).collect()
}

#[track_caller]
fn counts(interpreter: &Arc<Interpreter>, from: i32) {
    let open = || {
        let options = SessionOptions { seed: 0, files: Vec::new(), store: ArtifactStore::new_in_memory() };
        interpreter.open(options).unwrap()
    };
    for _ in 0..2 {
        let mut session = open();
        for number in from..from + 3 {
            let report = session.run(&code(""), &mut Tools::default(), &budget());
            assert_eq!((report.ending, report.exit_code), (EndingKind::Exited, Some(number)), "{report:?}");
        }
        let report = session.fork().unwrap().run(&code(""), &mut Tools::default(), &budget());
        assert_eq!(report.exit_code, Some(from + 3));
    }
}

#[test]
fn the_known_shape_is_mapped() {
    let place = Place::new();
    let interpreter = place.load(&guest("", NUMBER));
    assert_eq!(interpreter.info().language, "wat");
    counts(&interpreter, 42);
    assert_eq!(place.kept(".img").len(), 1);
    // The image is whole pages up to the last data.
    assert_eq!(std::fs::metadata(&place.kept(".img")[0]).unwrap().len(), 4 * 65536);
}

#[test]
fn other_shapes_work_too() {
    for (extra, data, first) in [
        ("(func $start) (start $start)", NUMBER, 42),
        (
            r#"(data $p "abc") (func (export "x") (memory.init $p (i32.const 0) (i32.const 0) (i32.const 1)))"#,
            NUMBER,
            42,
        ),
        ("", r#"(data (i32.add (i32.const 196600) (i32.const 8)) "\2a")"#, 42),
        ("", "", 0),
    ] {
        let place = Place::new();
        counts(&place.load(&guest(extra, data)), first);
        assert!(place.kept(".img").is_empty(), "{extra} {data}");
    }
}

#[test]
fn the_cache_serves_and_heals() {
    let place = Place::new();
    let bytes = guest("", NUMBER);
    counts(&place.load(&bytes), 42);
    let image = &place.kept(".img")[0];
    // What is served from the cache is not made again: the file is still the same one.
    let inode = std::fs::metadata(image).unwrap().ino();
    counts(&place.load(&bytes), 42);
    assert_eq!(std::fs::metadata(image).unwrap().ino(), inode);
    let mut damaged = std::fs::read(image).unwrap();
    damaged[196_608] ^= 1;
    std::fs::write(image, damaged).unwrap();
    counts(&place.load(&bytes), 42);
    std::fs::remove_file(image).unwrap();
    counts(&place.load(&bytes), 42);
}

#[test]
fn the_snapshot_of_python_is_cut_out() {
    let digest = python().digest().trim_start_matches("sha256:").to_owned();
    let aot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aot");
    assert_eq!(find(&aot, &format!("{digest}cut2.img")).len(), 1);
}

#[test]
fn instances_share_nothing_that_they_write() {
    let (mut a, mut b) = (session(), session());
    printed(&mut a, "import json, sys\njson.marker = 1\nsys.modules['mine'] = json");
    assert_eq!(
        printed(&mut b, "import json, sys\nprint(hasattr(json, 'marker'), 'mine' in sys.modules)"),
        "False False\n"
    );
    drop(a);
    assert_eq!(printed(&mut session(), "import json\nprint(hasattr(json, 'marker'))"), "False\n");
}

#[test]
fn memory_grows_beyond_the_image() {
    let text = "x = bytearray(80 << 20)\nprint(any(x[::4096]), len(x))\nx[-1] = 7\ny = bytearray(80 << 20)\nprint(any(y[::4096]), x[-1])";
    assert_eq!(printed(&mut session(), text), "False 83886080\nFalse 7\n");
}
