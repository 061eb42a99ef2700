//! Replays docs/writing-plugins.md: each ```console block is a terminal, `$ ` begins a command, the lines below are what it prints.
//! Figures that a machine decides (sizes, times, counts of calls) are compared as `N`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sport_tests::{root, run};

use crate::support::{Place, environment, has_node};

/// One command of the document, with what it should print.
struct Step {
    command: String,
    prints: Vec<String>,
}

/// The commands of a section, in their order.
fn steps(heading: &str) -> Vec<Step> {
    let text = std::fs::read_to_string(root().join("docs/writing-plugins.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let mut steps: Vec<Step> = Vec::new();
    for block in section.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), prints: Vec::new() }),
                None => steps.last_mut().unwrap().prints.push(line.to_owned()),
            }
        }
    }
    assert!(steps.len() > 3, "{heading} has {} commands", steps.len());
    steps
}

/// Every number as `N`, since another machine has another.
fn plain(line: &str) -> String {
    let mut shown = String::new();
    for letter in line.chars() {
        match letter {
            '0'..='9' if shown.ends_with('N') => {}
            '0'..='9' => shown.push('N'),
            _ => shown.push(letter),
        }
    }
    shown
}

/// Runs a section and gives the folder it ended in, and how long it took.
fn replay(place: &Place, heading: &str) -> (PathBuf, Duration) {
    let began = Instant::now();
    let mut here = place.path().to_owned();
    for step in steps(heading) {
        if let Some(folder) = step.command.strip_prefix("cd ") {
            here = here.join(folder);
            continue;
        }
        let mut command = Command::new("sh");
        command.args(["-c", &step.command]).current_dir(&here);
        environment(&mut command);
        let (exit, stdout, stderr) = run(&mut command);
        let printed: Vec<String> = stdout.lines().map(plain).collect();
        let expected: Vec<String> = step.prints.iter().map(|line| plain(line)).collect();
        assert_eq!(printed, expected, "$ {}\nexit {exit}\n{stdout}\n{stderr}", step.command);
    }
    (here, began.elapsed())
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap().lines().count()
}

/// Five minutes of machine time; the machine of a test has other things to do besides.
const SOON: Duration = Duration::from_secs(900);

#[test]
fn hello_in_rust() {
    let place = Place::new();
    let (project, took) = replay(&place, "Rust");
    assert!(lines(&project.join("src/lib.rs")) <= 10);
    assert_eq!(lines(&project.join("README.md")), 10);
    let size = std::fs::metadata(project.join("target/hello.wasm")).unwrap().len();
    assert!(size < 150_000, "the component has {size} bytes");
    assert!(took < SOON, "{took:?}");
}

#[test]
fn hello_in_python() {
    let place = Place::new();
    let (project, took) = replay(&place, "Python");
    assert!(lines(&project.join("plugin.py")) <= 8);
    assert_eq!(lines(&project.join("README.md")), 10);
    assert!(took < SOON, "{took:?}");
}

#[test]
fn hello_in_javascript() {
    if !has_node("hello_in_javascript") {
        return;
    }
    let place = Place::new();
    let (project, took) = replay(&place, "JavaScript");
    assert!(lines(&project.join("plugin.js")) <= 10);
    assert_eq!(lines(&project.join("README.md")), 10);
    let size = std::fs::metadata(project.join("target/wave.wasm")).unwrap().len();
    assert!(size < 13_000_000, "the component has {size} bytes");
    assert!(took < SOON, "{took:?}");
}
