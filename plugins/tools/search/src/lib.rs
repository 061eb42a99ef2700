//! Searching the web, through an API that the operator chose.
//!
//! The operator grants a host and a secret; the secret's name says which API it is for, so whoever calls the tool needs to
//! know neither. What servers send is data from strangers: it is bounded, freed of markup, and addresses that are not of
//! the web are left out.
//!
//! # Layout
//!
//! * `api`: the APIs: what they are asked, and what they answer;
//! * `clean`: titles and snippets as plain text.

pub mod api;
mod clean;

use schemars::JsonSchema;
use serde::Serialize;
use sport_sdk::fetch::Request;
use sport_sdk::secrets::Secret;
use sport_sdk::{Failure, tool};

use crate::api::{Api, Question};

/// Most results of an answer: as many as the APIs give at once.
const MOST_RESULTS: u32 = 20;
/// Longest query: longer ones are refused by the APIs.
const QUERY_CHARS: usize = 400;
/// Largest answer that is read: twenty results are some 50 KiB.
const ANSWER_BYTES: u32 = 2 << 20;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Found {
    /// The results, the best first.
    pub results: Vec<Hit>,
    /// Which API was asked.
    pub api: Api,
}

/// One result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hit {
    /// Title of the page.
    pub title: String,
    /// Address of the page.
    pub url: String,
    /// What it says about what was asked.
    pub snippet: String,
}

/// Searches the web and gives title, address and a snippet of each result.
#[tool(read_only, open_world)]
fn web_search(
    /// What to search for.
    query: String,
    /// How many results, 1 to 20; 10 if left out.
    count: Option<u32>,
    /// Which page of results, 1 to 10; the first if left out.
    page: Option<u32>,
    /// Address of a search API, where the operator named one; that of the API if left out.
    endpoint: Option<String>,
    /// Which API the address speaks; the one that the operator has a key for if left out, else searxng.
    api: Option<Api>,
) -> Result<Found, Failure> {
    let question = question(&query, count, page)?;
    let (api, secret) = choose(api, endpoint.is_some())?;
    let address = match endpoint {
        Some(endpoint) => endpoint,
        None => api.usual_endpoint()?.to_owned(),
    };
    let asked = api.ask(&address, &question)?;
    let mut request = match &asked.body {
        Some(body) => Request::post(&asked.url, body.as_bytes()).header("content-type", "application/json"),
        None => Request::get(&asked.url),
    };
    request = request.header("accept", "application/json").max_body(ANSWER_BYTES);
    if let Some(secret) = &secret {
        let (name, prefix) = api.key_header();
        request = request.secret(name, prefix, secret);
    }
    let response = request.send().map_err(|error| {
        let mut failure = Failure::from(error.clone());
        failure.retryable = !error.sent && failure.code != "fetch-denied" && failure.code != "fetch-invalid";
        failure
    })?;
    let results = api.read(
        response.status,
        response.header("retry-after"),
        &response.body,
        response.truncated,
        &question,
    )?;
    Ok(Found { results, api })
}

fn question(query: &str, count: Option<u32>, page: Option<u32>) -> Result<Question, Failure> {
    let query = query.split_whitespace().collect::<Vec<_>>().join(" ");
    if query.is_empty() {
        return Err(Failure::invalid_input("the query is empty; say what to search for").code("empty-query"));
    }
    if query.chars().count() > QUERY_CHARS {
        let message = format!("the query has more than {QUERY_CHARS} characters; ask for less at once");
        return Err(Failure::invalid_input(message).code("query-too-long"));
    }
    let (count, page) = (count.unwrap_or(10), page.unwrap_or(1));
    if !(1..=MOST_RESULTS).contains(&count) || !(1..=10).contains(&page) {
        let message = format!(
            "{count} results of page {page} cannot be had: a page has from 1 to {MOST_RESULTS}, and there are 10"
        );
        return Err(Failure::invalid_input(message).code("bad-count"));
    }
    Ok(Question { query, count, page })
}

/// The API that is asked for, else the first that there is a key for.
fn choose(asked: Option<Api>, has_endpoint: bool) -> Result<(Api, Option<Secret>), Failure> {
    let look = |api: Api| match Secret::lookup(api.name()) {
        Ok(secret) => Ok(Some(secret)),
        Err(failure) if failure.code == "secret-missing" => Ok(None),
        Err(failure) => Err(failure),
    };
    if let Some(api) = asked {
        return Ok((api, look(api)?));
    }
    for api in [Api::Brave, Api::Tavily, Api::Searxng] {
        if let Some(secret) = look(api)? {
            return Ok((api, Some(secret)));
        }
    }
    if has_endpoint {
        return Ok((Api::Searxng, None));
    }
    let message = "no search API is set up: the operator grants its host and a secret named `brave` or `tavily`, or names \
                   the address of a searxng as `endpoint`";
    Err(Failure::not_found(message).code("not-set-up"))
}
