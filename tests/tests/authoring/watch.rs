//! `sport plugin watch`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use sport_tests::write;

use crate::support::Place;

/// A watch that ends with the test.
pub struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watching {
    pub fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.command(&[&["watch"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// All lines up to one that begins so.
    pub fn until(&self, beginning: &str) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(600);
        let mut seen = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line =
                self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("no {beginning} after {seen:#?}"));
            seen.push(line);
            if seen.last().unwrap().starts_with(beginning) {
                return seen;
            }
        }
    }

    /// Nothing is printed for this long.
    fn is_quiet(&self, time: Duration) {
        if let Ok(line) = self.lines.recv_timeout(time) {
            panic!("{line}");
        }
    }
}

#[test]
fn a_change_is_built_and_called_again() {
    let place = Place::new();
    let folder = place.project("watched", &["--lang", "python"], &[]);
    let right = std::fs::read_to_string(folder.join("plugin.py")).unwrap();
    let watching = Watching::start(&place, &["--path", "watched", "--call", "hello", "{\"name\": \"Ada\"}"]);
    let seen = watching.until("watching ");
    assert!(seen.iter().any(|line| line == "hello, Ada"), "{seen:#?}");
    // what the build wrote is no change, nor is a save of the same, nor a file in a folder of outputs
    write(&folder, "plugin.py", &right);
    write(&folder.join("target"), "new.txt", "x");
    write(&folder, "plugin.py~", "x");
    watching.is_quiet(Duration::from_secs(7));

    write(&folder, "plugin.py", &right.replace("def hello(", "def hello(("));
    let seen = watching.until("watching ");
    assert!(seen.iter().any(|line| line == "changed: plugin.py"), "{seen:#?}");
    assert!(
        seen.iter().any(|line| line.starts_with("error: watched does not build: plugin.py:")),
        "{seen:#?}"
    );

    write(&folder, "plugin.py", &right.replace("hello, {name}", "good day, {name}"));
    let seen = watching.until("watching ");
    assert!(seen.iter().any(|line| line == "good day, Ada"), "{seen:#?}");

    // a file in a folder that is new
    std::fs::create_dir(folder.join("words")).unwrap();
    std::fs::write(folder.join("words/__init__.py"), "").unwrap();
    let seen = watching.until("watching ");
    assert!(seen.iter().any(|line| line.contains("words/__init__.py")), "{seen:#?}");
}
