use {{crate}}::SPORT_TOOLS;
use sport_sdk::testing::{self, Host};
use sport_sdk::{Content, json};

#[test]
fn it_greets() {
    let host = Host::new();
    let outcome = host.call(SPORT_TOOLS, "hello", json!({ "name": "Ada" })).unwrap();
    assert_eq!(outcome.content, [Content::text("hello, Ada")]);
}

#[test]
fn the_cases_hold() {
    testing::cases(SPORT_TOOLS, include_str!("../cases.json"));
}
