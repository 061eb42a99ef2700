//! Audits of verifiers: whether a verifier's word may shape the policy.
//!
//! The raw component is asked about recorded steps whose truth is known: in orders that the audit varies, again, with
//! planted candidates that must not win. No veto, no protocol: what the host adds protects a run, and would hide here what
//! there is to see. What comes out is a [`Record`]: figures with intervals, gates, and *passed* or *blocked*.
//!
//! # Layout
//!
//! * `recorded`: a step with its truth; `gather`: such steps from a run; `labels`: truth from people; `explore`: new ones of
//!   the audit split;
//! * `preference`: what judgements say about two candidates; `plant`: candidates that must not win; `probe`: all calls of a
//!   verifier;
//! * `interval`: the cluster bootstrap; `agreement`: kappa and AC1; `measure`: the blocks, from probes to figures;
//! * `gates`: thresholds, and what passes; `record`: what is kept; `examine`: all of it joined;
//! * `shelf`: where audits are kept; `permit`: what tuning asks for; `by_itself`: the audit that a run makes on its way;
//! * `text` and `page`: the record for a person.
//!
//! Invariants: no candidate's truth reaches a verifier; a figure that was not measured passes no gate that needs it; equal
//! verifiers, steps and settings give equal figures (what it cost apart).

mod agreement;
mod by_itself;
mod examine;
mod explore;
mod gates;
mod gather;
mod interval;
mod labels;
pub mod measure;
pub mod page;
mod permit;
mod plant;
mod preference;
mod probe;
mod record;
mod recorded;
mod shelf;
pub mod text;

pub use agreement::{cohen_kappa, gwet_ac1};
pub(crate) use by_itself::by_itself;
pub use examine::{Examined, Subject, examine, planned};
pub(crate) use explore::explore;
pub use gates::{Gate, GateState, Thresholds};
pub use gather::{gather, of_run};
pub use interval::Figure;
pub use labels::Labels;
pub(crate) use permit::{Ground, again, has_passed};
pub use permit::{Permit, Wanted, permit};
pub use record::{Blocks, Cost, Identity, Outcome, Record, Settings, VERSION};
pub use recorded::{Recorded, Truth, read_steps};
pub use shelf::{Shelf, put_in_run};
