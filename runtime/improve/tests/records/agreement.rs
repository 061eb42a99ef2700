//! Agreement beyond chance, and what stands in `[audit]`:
//!
//! * kappa and AC1 against figures worked out apart from this code, at both ends, and where chance alone always agrees
//! * AC1 stays sensible where one answer is rare and kappa does not
//! * thresholds: defaults, one of them changed, one out of range, a wrong name

use sport_improve::audit::{Thresholds, cohen_kappa, gwet_ac1};

use super::common::{CONFIG, parse};

fn near(found: Option<f64>, wanted: f64) {
    let found = found.unwrap();
    assert!((found - wanted).abs() < 1e-4, "{found} is not {wanted}");
}

#[test]
fn known_figures_come_out() {
    near(cohen_kappa([[20.0, 5.0], [10.0, 15.0]]), 0.4);
    near(gwet_ac1([[20.0, 5.0], [10.0, 15.0]]), 0.205 / 0.505);
    near(cohen_kappa([[30.0, 0.0], [0.0, 20.0]]), 1.0);
    near(gwet_ac1([[30.0, 0.0], [0.0, 20.0]]), 1.0);
    near(cohen_kappa([[0.0, 25.0], [25.0, 0.0]]), -1.0);
    near(cohen_kappa([[10.0, 10.0], [10.0, 10.0]]), 0.0);
    assert_eq!(cohen_kappa([[0.0; 2]; 2]), None);
    assert_eq!(cohen_kappa([[50.0, 0.0], [0.0, 0.0]]), None, "chance alone agrees always");
}

#[test]
fn a_rare_answer_fools_kappa_and_not_ac1() {
    let table = [[118.0, 5.0], [2.0, 0.0]];
    near(cohen_kappa(table), -0.023_392);
    near(gwet_ac1(table), 0.940_776);
}

#[test]
fn thresholds_are_read() {
    assert_eq!(parse(CONFIG).unwrap().audit.thresholds, Thresholds::default());
    let config = parse(&format!("{CONFIG}[audit]\ntasks = 7\n[audit.thresholds]\nkappa = 0.5\n")).unwrap();
    assert_eq!((config.audit.tasks, config.audit.quick, config.audit.label_free), (7, true, false));
    assert_eq!(config.audit.thresholds, Thresholds { kappa: 0.5, ..Thresholds::default() });

    let error = parse(&format!("{CONFIG}[audit.thresholds]\nflips = 1.5\n")).unwrap_err().to_string();
    assert_eq!(error, "sport.toml: audit.thresholds.flips is 1.5: from 0 to 1 is possible");
    let error = parse(&format!("{CONFIG}[audit.thresholds]\nkapa = 0.5\n")).unwrap_err().to_string();
    assert!(error.contains("kapa"), "{error}");
}
