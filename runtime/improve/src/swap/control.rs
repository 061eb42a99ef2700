//! The control socket of a run: who may ask, and what is done.
//!
//! It lies in the run directory, belongs to the user who works on the run, and answers nobody else: its mode is 0600, and the
//! kernel is asked who is at the other end. One request at a time is worked on, by a thread of its own; steps are judged on meanwhile.

use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sport_sandbox::Sandbox;

use super::protocol::{Beside, Newcomer, Reply, Request, Revision, Standing};
use super::trial::{Bounds, Stage};
use super::watched::Watched;
use super::{Plan, Verifiers, newcomer};
use crate::audit::{self, Identity, Shelf};
use crate::config::config_folder;
use crate::error::Error;
use crate::judging::{Member, Panel};
use crate::store::Store;

/// The socket's name in the run directory.
pub const SOCKET: &str = "control.sock";

/// Longest request and answer; a history of thousands of revisions fits.
pub const LONGEST: u64 = 4 << 20;

/// How long the socket is waited on before it is looked whether the run is over.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// How long whoever connected may take to say what they want.
const PATIENCE: Duration = Duration::from_secs(10);

/// Disagreements that are listed.
const LISTED: u32 = 20;

/// Where a run's socket lies. A socket's path has about a hundred bytes at most and a run's may have more, so it is named through
/// the open directory.
pub struct Address {
    folder: File,
    shown: PathBuf,
}

/// The address of a run's socket.
pub fn address(run: &Path) -> Result<Address, Error> {
    let folder = File::open(run).map_err(Error::io("open", run))?;
    Ok(Address { folder, shown: run.join(SOCKET) })
}

impl Address {
    /// To bind and to connect to.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", self.folder.as_raw_fd()))
    }

    /// For messages.
    pub fn shown(&self) -> &Path {
        &self.shown
    }
}

/// The thread that answers.
#[derive(Debug)]
pub struct Control {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    socket: PathBuf,
}

impl Control {
    /// Begins to answer for the run in `run`, whose lock the caller holds.
    pub fn start(
        run: &Path,
        store: Store,
        verifiers: Arc<Verifiers>,
        sandbox: Sandbox,
        watched: Option<&Path>,
    ) -> Result<Self, Error> {
        let watched = watched.map(Watched::new).transpose()?;
        let at = address(run)?;
        let socket = at.shown().to_owned();
        // One that a killed process left: nobody else works on the run, by the lock.
        if let Err(error) = fs::remove_file(&socket)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Error::io("remove", &socket)(error));
        }
        let listener = UnixListener::bind(at.path()).map_err(Error::io("bind", &socket))?;
        fs::set_permissions(&socket, Permissions::from_mode(0o600)).map_err(Error::io("protect", &socket))?;
        listener.set_nonblocking(true).map_err(Error::io("listen at", &socket))?;
        let stop = Arc::new(AtomicBool::new(false));
        let desk = Desk { run: run.to_owned(), store, verifiers, sandbox };
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("sport-control".to_owned())
            .spawn(move || desk.serve(&listener, &stopped, watched))
            .map_err(Error::io("start a thread for", &socket))?;
        Ok(Self { stop, thread: Some(thread), socket })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.socket);
    }
}

/// What the thread works with.
struct Desk {
    run: PathBuf,
    store: Store,
    verifiers: Arc<Verifiers>,
    sandbox: Sandbox,
}

impl Desk {
    fn serve(&self, listener: &UnixListener, stop: &AtomicBool, mut watched: Option<Watched>) {
        while !stop.load(Ordering::Relaxed) {
            if let Some(watched) = &mut watched
                && let Err(error) = self.take_up(watched)
            {
                tracing::warn!(%error, "a component in the watched folder came to nothing");
            }
            let mut waiting = [PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN)];
            if poll(&mut waiting, Some(&LOOK)).is_ok_and(|ready| ready == 0) {
                continue;
            }
            match listener.accept() {
                Ok((stream, _)) => {
                    if let Err(error) = self.answer(stream) {
                        tracing::warn!(%error, "a request at the control socket came to nothing");
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => tracing::warn!(%error, "the control socket does not accept"),
            }
        }
    }

    /// Swaps in what lies in the watched folder. Nobody is there to give a reason, so it takes an audit that it passed.
    fn take_up(&self, watched: &mut Watched) -> Result<(), Error> {
        let newcomer = match watched.next() {
            Ok(None) => return Ok(()),
            Ok(Some(newcomer)) => newcomer,
            Err(error) => return self.store.put_event("verifier", &format!("the watched folder: {error}")),
        };
        let what = newcomer.plugin.clone();
        let said = match self.swap(newcomer, 0, Plan::default(), Bounds::default(), None) {
            Ok(Reply::Done { message, .. }) => message,
            Ok(_) => return Ok(()),
            Err(error) => format!("not taken: {error}"),
        };
        self.store.put_event("verifier", &format!("{what}: {said}"))
    }

    fn answer(&self, mut stream: UnixStream) -> std::io::Result<()> {
        let other = rustix::net::sockopt::socket_peercred(&stream)?;
        if other.uid != rustix::process::geteuid() {
            return Err(std::io::Error::other("it came from another user"));
        }
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = String::new();
        BufReader::new(Read::by_ref(&mut stream).take(LONGEST)).read_line(&mut line)?;
        let reply = match serde_json::from_str::<Request>(&line) {
            Ok(request) => self.work(request).unwrap_or_else(|error| Reply::Refused {
                code: error.code().to_owned(),
                message: error.to_string(),
            }),
            Err(error) => {
                Reply::Refused { code: "bad-request".to_owned(), message: format!("no request: {error}") }
            }
        };
        let mut text = serde_json::to_string(&reply)?;
        text.push('\n');
        stream.write_all(text.as_bytes())
    }

    fn work(&self, request: Request) -> Result<Reply, Error> {
        match request {
            Request::List => standing(&self.store, &self.verifiers).map(Reply::Verifiers),
            Request::History => self.store.revisions().map(Reply::History),
            Request::Swap { newcomer, member, plan, bounds, unaudited } => {
                self.swap(newcomer, member, plan, bounds, unaudited)
            }
            Request::Rollback { to } => self.rollback(to),
        }
    }

    fn swap(
        &self,
        newcomer: Newcomer,
        member: u32,
        plan: Plan,
        bounds: Bounds,
        unaudited: Option<String>,
    ) -> Result<Reply, Error> {
        let state = self.verifiers.now();
        if let Some(trial) = &state.trial {
            return Err(Error::Refused(format!(
                "another newcomer is in its {} stage; wait for it, or end it with `sport verifier rollback`",
                trial.stage.name()
            )));
        }
        let revisions = self.store.revisions()?;
        let deciding = find(&revisions, state.deciding.revision)?;
        let place = member as usize;
        if place >= deciding.members.len() {
            return Err(Error::Refused(format!(
                "there is no member {member}: the panel has {}, counted from 0",
                deciding.members.len()
            )));
        }
        let loaded = newcomer::load(&self.sandbox, &newcomer)?;
        newcomer::smoke(&loaded)?;
        let identity = Identity::of(&loaded.verifier, &loaded.config);
        let shelf = Shelf::open_existing(&config_folder())?;
        let passed = audit::has_passed(&self.run, shelf.as_ref(), &identity, state.deciding.margin)?;
        let reason = match unaudited {
            _ if passed => "its audit passed".to_owned(),
            Some(reason) => {
                self.store.set_swapped_in_unaudited(&identity, &reason)?;
                format!("not audited: {reason}")
            }
            None => {
                return Err(Error::Refused(
                    "the newcomer has no audit that it passed; audit it (`sport verifier audit`), or say why it may judge \
                     without one: --allow-unaudited \"reason\""
                        .to_owned(),
                ));
            }
        };
        let mut members = deciding.members.clone();
        members[place] = newcomer;
        let mut panel = Panel { revision: next(&revisions), ..Panel::clone(&state.deciding) };
        panel.members[place] = loaded;
        let stage = Stage::first(&plan);
        self.record(&panel, members, stage.name(), &reason)?;
        let number = panel.revision;
        self.verifiers.try_out(panel, plan, bounds);
        if matches!(stage, Stage::Probation | Stage::Settled) {
            self.store.set_revision(
                deciding.number,
                "replaced",
                &format!("revision {number} took its place"),
            )?;
        }
        let message = match stage {
            Stage::Shadow => format!("revision {number} judges beside revision {}", deciding.number),
            Stage::Canary => format!("revision {number} decides {} of the steps", plan.share),
            Stage::Probation | Stage::Settled => format!("revision {number} decides"),
        };
        Ok(Reply::Done { message, revision: number, stage })
    }

    fn rollback(&self, to: Option<u32>) -> Result<Reply, Error> {
        let state = self.verifiers.now();
        if let (None, Some(trial)) = (to, &state.trial) {
            let (newcomer, stays) = match trial.stage {
                Stage::Probation => (state.deciding.revision, trial.beside.revision),
                _ => (trial.beside.revision, state.deciding.revision),
            };
            self.verifiers.end_trial();
            self.store.set_revision(newcomer, "rolled-back", "the operator took it back")?;
            self.store.set_revision(stays, "deciding", "its newcomer was taken back")?;
            let message = format!("revision {newcomer} is gone, revision {stays} decides");
            return Ok(Reply::Done { message, revision: stays, stage: Stage::Settled });
        }
        let revisions = self.store.revisions()?;
        let now = state.deciding.revision;
        let wanted = match to {
            Some(number) => find(&revisions, number)?,
            None => {
                revisions.iter().rev().find(|one| one.number < now && one.state == "replaced").ok_or_else(
                    || Error::Refused(format!("there is no revision before revision {now} to go back to")),
                )?
            }
        };
        if wanted.number == now && state.trial.is_none() {
            return Err(Error::Refused(format!("revision {now} decides already")));
        }
        let panel = load_panel(&self.sandbox, wanted, &state.deciding)?;
        self.verifiers.replace(panel);
        if let Some(trial) = &state.trial {
            self.store.set_revision(trial.beside.revision, "dropped", "the operator went back to another")?;
        }
        self.store.set_revision(now, "rolled-back", "the operator went back to an earlier one")?;
        self.store.set_revision(wanted.number, "deciding", "the operator went back to it")?;
        let message = format!("revision {} decides", wanted.number);
        Ok(Reply::Done { message, revision: wanted.number, stage: Stage::Settled })
    }

    fn record(&self, panel: &Panel, members: Vec<Newcomer>, state: &str, reason: &str) -> Result<(), Error> {
        self.store.put_revision(&Revision {
            number: panel.revision,
            state: state.to_owned(),
            members,
            identities: identities(&panel.members),
            at: 0,
            reason: reason.to_owned(),
        })
    }
}

/// Who judges now, as the store and the process know it.
fn standing(store: &Store, verifiers: &Verifiers) -> Result<Standing, Error> {
    let state = verifiers.now();
    let revisions = store.revisions()?;
    let beside = match &state.trial {
        Some(trial) => {
            let counts = trial.counts();
            let newcomer = match trial.stage {
                Stage::Probation => state.deciding.revision,
                _ => trial.beside.revision,
            };
            Some(Beside {
                revision: find(&revisions, trial.beside.revision)?.clone(),
                stage: trial.stage,
                of: trial.plan.steps(trial.stage),
                kappa: counts.kappa(),
                counts,
                disagreements: store.disagreements(newcomer, LISTED)?,
            })
        }
        None => None,
    };
    Ok(Standing { deciding: find(&revisions, state.deciding.revision)?.clone(), beside })
}

/// A panel of an earlier revision, of the very same components.
pub(crate) fn load_panel(sandbox: &Sandbox, revision: &Revision, like: &Panel) -> Result<Panel, Error> {
    let members = revision
        .members
        .iter()
        .zip(&revision.identities)
        .map(|(member, [name, digest, _])| {
            let loaded = newcomer::load(sandbox, member)?;
            if loaded.verifier.digest() != digest {
                return Err(Error::Changed {
                    what: format!("verifier {name}"),
                    was: digest.clone(),
                    is: loaded.verifier.digest().to_owned(),
                });
            }
            Ok(loaded)
        })
        .collect::<Result<Vec<Member>, Error>>()?;
    Ok(Panel { revision: revision.number, members, ..like.clone() })
}

/// Name, digest and config's digest of each.
pub(crate) fn identities(members: &[Member]) -> Vec<[String; 3]> {
    let identity = |member: &Member| {
        let verifier = &member.verifier;
        [verifier.descriptor().name.clone(), verifier.digest().to_owned(), member.config_digest.clone()]
    };
    members.iter().map(identity).collect()
}

fn find(revisions: &[Revision], number: u32) -> Result<&Revision, Error> {
    revisions.iter().find(|revision| revision.number == number).ok_or_else(|| {
        let there: Vec<String> = revisions.iter().map(|revision| revision.number.to_string()).collect();
        Error::Refused(format!("there is no revision {number}; there are {}", there.join(", ")))
    })
}

fn next(revisions: &[Revision]) -> u32 {
    revisions.iter().map(|revision| revision.number).max().unwrap_or(0) + 1
}
