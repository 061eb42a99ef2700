use {{crate}}::SPORT_JUDGE;
use sport_sdk::testing::{self, Host};
use sport_sdk::verify::{Candidate, Step, Verdict};
use sport_sdk::{Value, json};

#[test]
fn an_answer_passes() {
    let answered = Candidate { answer: Some(json!(42)), ..Candidate::default() };
    let step = Step { candidates: vec![answered, Candidate::default()], ..Step::default() };
    let judged = Host::new().judge(SPORT_JUDGE, &step, Value::Null).unwrap();
    assert_eq!((judged[0].verdict, judged[1].verdict), (Verdict::Pass, Verdict::Fail));
}

#[test]
fn the_cases_hold() {
    testing::judge_cases(SPORT_JUDGE, include_str!("../cases.json"));
}
