//! Names of files.
//!
//! * a bare name is read from `/task`, through `open` and through the library; written to `/scratch`
//! * what is left open is written out and closed
//! * a module written to `/scratch` can be imported
//! * `display` of an image, a text, another file

use serde_json::json;
use sport_sandbox::{Content, TaskFile};

use crate::support::{raised, run, session, session_with, value};

fn task_file() -> TaskFile {
    TaskFile { name: "coffee.png".into(), path: sport_tests::photograph("coffee.png") }
}

#[test]
fn bare_names() {
    let mut session = session_with(vec![task_file()]);
    let size = std::fs::metadata(sport_tests::photograph("coffee.png")).unwrap().len();
    assert_eq!(value(&mut session, "len(open('coffee.png', 'rb').read())"), json!(size));
    assert_eq!(
        value(&mut session, "import pathlib\nlen(pathlib.Path('coffee.png').read_bytes())"),
        json!(size)
    );
    assert_eq!(value(&mut session, "import os\nos.path.getsize('/task/coffee.png')"), json!(size));
    assert_eq!(
        value(&mut session, "open('a.txt', 'w').write('mine')\nopen('/scratch/a.txt').read()"),
        json!("mine")
    );
    let shown = raised(&mut session, "open('cofee.png')").traceback.unwrap();
    assert!(shown.contains("Files of the task, in /task: coffee.png."), "{shown}");
}

#[test]
fn what_is_left_open_is_kept_and_closed() {
    let mut session = session();
    run(&mut session, "f = open('a.txt', 'w')\nf.write('kept')\n1 / 0");
    assert_eq!(value(&mut session, "[f.closed, open('a.txt').read()]"), json!([true, "kept"]));
}

#[test]
fn own_modules() {
    let mut session = session();
    run(&mut session, "try:\n    import mine\nexcept ImportError:\n    pass");
    run(&mut session, "open('mine.py', 'w').write('def f():\\n    return [][0]\\nx = 5\\n')");
    assert_eq!(value(&mut session, "import mine\nmine.x"), json!(5));
    let shown = raised(&mut session, "mine.f()").traceback.unwrap();
    assert!(shown.contains("File \"/scratch/mine.py\", line 2, in f\n    return [][0]"), "{shown}");
}

#[test]
fn display() {
    let mut session = session_with(vec![task_file()]);
    let report = run(
        &mut session,
        "open('t.csv', 'w').write('1,2')\nfor x in ('coffee.png', [1], 't.csv'): display(x)",
    );
    let [Content::Artifact(image), Content::Text { text }, Content::Other { kind, value }] =
        &report.displays[..]
    else {
        panic!("{report:?}");
    };
    assert_eq!(image.media_type, "image/png");
    assert_eq!(text, "[1]");
    assert_eq!(
        (kind.as_str(), &value["path"], &value["size"]),
        ("file", &json!("/scratch/t.csv"), &json!(3))
    );
}

#[test]
fn a_file_has_two_times() {
    let code = "import os\nopen('f', 'w').close()\nos.utime('f', (1.0, 4.0))\none = os.stat('f')\n\
                open('f', 'a').write('x')\ntwo = os.stat('f')\n\
                [one.st_atime, one.st_mtime, two.st_atime, two.st_mtime > 4]";
    assert_eq!(value(&mut session(), code), json!([1.0, 4.0, 1.0, true]));
}
