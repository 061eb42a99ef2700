//! Tasks from images.
//!
//! The facts that answers follow from are what the run's own tools say of the images, asked once in the sandbox and
//! kept with the run: known answers and the agent's tools cannot disagree about a pixel.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use sport_sandbox::{Branch, Budget, FileView, Limits, PluginState, ToolHost};

use super::pool;
use crate::equipment::Equipment;
use crate::error::Error;
use crate::observer::{Observer, Stage};
use crate::store::Folder;
use crate::synthesize::{ImageFacts, Spec, demo_families, fact_calls, generate};
use crate::task::{Split, Task, TaskFile};

/// Where the facts are kept in the store.
const FACTS: &str = "image-facts";

/// Makes the training tasks of an iteration; of iteration 0, the held-out tasks of the run.
pub fn synthesize(
    folder: &Folder,
    equipment: &Equipment,
    observer: &mut dyn Observer,
    iteration: u32,
) -> Result<(), Error> {
    let store = &folder.store;
    if store.stage_done(iteration, Stage::Synthesize)? {
        return Ok(());
    }
    let began = Instant::now();
    observer.begin(iteration, Stage::Synthesize, 0, "images");
    let settings = &folder.config.synthesize;
    let images = known_images(folder, equipment, observer, iteration)?;
    let (split, tasks) = if iteration == 0 {
        (Split::HeldOut, settings.held_out_tasks)
    } else {
        (Split::Train, settings.train_tasks)
    };
    let spec =
        Spec { seed: folder.config.run.seed, split, iteration, tasks, families: settings.families.clone() };
    let tasks = generate(&spec, &images)?;
    // tasks are a function of seed and images: what an earlier attempt stored before it stopped is the same
    if store.tasks(iteration, split)?.is_empty() {
        store.put_tasks(iteration, split, &tasks)?;
    }
    store.fail_points.pass("tasks-stored")?;
    let families: BTreeMap<&str, usize> = tasks.iter().fold(BTreeMap::new(), |mut families, task| {
        *families.entry(task.family.as_str()).or_default() += 1;
        families
    });
    let result = json!({ "tasks": tasks.len(), "images": images.len(), "families": families });
    store.end_stage(iteration, Stage::Synthesize, began.elapsed().as_secs_f64(), &result)?;
    let line = format!("{} {} tasks of {} families", tasks.len(), split.name(), families.len());
    observer.end(iteration, Stage::Synthesize, &line);
    Ok(())
}

/// As many tasks of the audit split as the images have, up to `most`; none where no image belongs to it.
pub(crate) fn audit_tasks(
    folder: &Folder,
    equipment: &Equipment,
    observer: &mut dyn Observer,
    most: u32,
) -> Result<Vec<Task>, Error> {
    let images = known_images(folder, equipment, observer, 0)?;
    let config = &folder.config;
    let spec = |tasks: u32, families: Vec<String>| Spec {
        seed: config.run.seed,
        split: Split::Audit,
        iteration: 0,
        tasks,
        families,
    };
    // a family that no image of this split fits is left out
    let names = if config.synthesize.families.is_empty() {
        demo_families()?
    } else {
        config.synthesize.families.clone()
    };
    let families: Vec<String> =
        names.into_iter().filter(|name| generate(&spec(1, vec![name.clone()]), &images).is_ok()).collect();
    if families.is_empty() {
        return Ok(Vec::new());
    }
    let made = (1..=most).rev().find_map(|tasks| generate(&spec(tasks, families.clone()), &images).ok());
    Ok(made.unwrap_or_default())
}

/// What the tools say of the images: asked once, then kept with the run.
fn known_images(
    folder: &Folder,
    equipment: &Equipment,
    observer: &mut dyn Observer,
    iteration: u32,
) -> Result<Vec<ImageFacts>, Error> {
    let broken = |error: serde_json::Error| Error::Internal(format!("image facts: {error}"));
    if let Some(text) = folder.store.meta(FACTS)? {
        return serde_json::from_str(&text).map_err(broken);
    }
    let images = facts(&folder.config.synthesize.images, equipment, observer, iteration)?;
    folder.store.set_meta(FACTS, &serde_json::to_string(&images).map_err(broken)?)?;
    Ok(images)
}

/// Refuses a folder of images that cannot be used, before there is a run.
pub(crate) fn check_images(folder: &Path) -> Result<(), Error> {
    images(folder).map(drop)
}

/// One image with the branch that its tools see, and what they said.
struct Asked {
    file: TaskFile,
    facts: BTreeMap<String, serde_json::Value>,
}

fn facts(
    folder: &Path,
    equipment: &Equipment,
    observer: &mut dyn Observer,
    iteration: u32,
) -> Result<Vec<ImageFacts>, Error> {
    let mut asked: Vec<Asked> = images(folder)?
        .into_iter()
        .map(|(name, path)| Asked {
            file: TaskFile { caption: caption(&path), name, path },
            facts: BTreeMap::new(),
        })
        .collect();
    let total = asked.len() as u64;
    let mut done = 0;
    observer.begin(iteration, Stage::Synthesize, total, "images");
    pool::each(
        &mut asked,
        equipment.threads,
        |asked| asked.ask(equipment),
        || {
            done += 1;
            observer.advance(iteration, Stage::Synthesize, done, total);
            !observer.stop()
        },
    )?;
    Ok(asked.into_iter().map(|asked| ImageFacts { file: asked.file, facts: asked.facts }).collect())
}

impl Asked {
    fn ask(&mut self, equipment: &Equipment) -> Result<(), Error> {
        let view = sport_sandbox::TaskFile { name: self.file.name.clone(), path: self.file.path.clone() };
        let mut branch = Branch { files: FileView::new(&[view])?, state: PluginState::new() };
        for call in fact_calls(&self.file.name)? {
            let budget = Budget::new(Limits::tool());
            let outcome = (&equipment.toolbox)
                .invoke(&call.tool, &call.arguments, &mut branch, &budget)
                .map_err(|failure| {
                    Error::Synthesize(format!(
                        "{}: `{}` cannot read it: {failure}: replace the image or take it out of the folder",
                        self.file.path.display(),
                        call.tool
                    ))
                })?;
            let structured = outcome.structured.ok_or_else(|| {
                Error::Synthesize(format!("`{}` gave no structured result for {}", call.tool, self.file.name))
            })?;
            self.facts.insert(call.key, structured);
        }
        Ok(())
    }
}

/// The images of a folder by name, with their paths.
fn images(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Synthesize(format!(
            "{}: there is no such folder of images: set synthesize.images, or fetch the photographs with `make setup`",
            folder.display()
        )),
        _ => Error::io("read", folder)(error),
    })?;
    let mut images = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        let is_image = matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg" | "gif" | "webp"));
        if let (true, Some(name)) = (is_image, path.file_name()) {
            images.insert(name.to_string_lossy().into_owned(), path);
        }
    }
    if images.is_empty() {
        return Err(Error::Synthesize(format!(
            "{}: there is no image in it (png, jpg, gif, webp)",
            folder.display()
        )));
    }
    Ok(images)
}

/// What `cat.png` shows stands in `cat.txt`, where somebody wrote it.
fn caption(image: &Path) -> String {
    std::fs::read_to_string(image.with_extension("txt"))
        .map_or_else(|_| String::new(), |text| text.trim().to_owned())
}
