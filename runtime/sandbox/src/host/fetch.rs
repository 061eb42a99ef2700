//! `sport:host/fetch`: requests that the host makes; see [`crate::fetch`].

use std::time::Duration;

use crate::contract::imports::fetch;
use crate::fetch::{Fault, Request, Value};
use crate::host::{Forbidden, HostCx};
use crate::{limits, text};

impl fetch::Host for HostCx {
    fn fetch(
        &mut self,
        request: fetch::Request,
    ) -> wasmtime::Result<Result<fetch::Response, fetch::FetchError>> {
        self.enter()?;
        if self.deterministic {
            return Err(Forbidden("fetch in a component that calls itself deterministic").into());
        }
        let Some(network) = self.network.clone() else {
            return Ok(Err(fetch::FetchError {
                code: fetch::FetchErrorCode::Denied,
                message: "no host is granted; the operator would have to grant egress rules".to_owned(),
                sent: false,
            }));
        };
        let request = self.lift_request(request)?;
        let plugin = self.log.plugin();
        let method = text::clean_line(&request.method, limits::NAME_BYTES);
        match network.fetch(&self.budget, &request) {
            Ok(response) => {
                let (status, bytes) = (response.status, response.body.len());
                tracing::debug!(target: "sport::fetch", plugin, method, status, bytes, "fetched");
                let crate::fetch::Response { status, headers, body, truncated } = response;
                Ok(Ok(fetch::Response { status, headers, body, truncated }))
            }
            Err((Fault::Wrong(code, message), sent)) => {
                tracing::debug!(target: "sport::fetch", plugin, method, ?code, sent, "{message}");
                Ok(Err(fetch::FetchError { code, message, sent }))
            }
            Err((Fault::Stop(stop), sent)) => {
                tracing::debug!(target: "sport::fetch", plugin, method, sent, "stopped: {stop}");
                Err(stop.into())
            }
        }
    }
}

impl HostCx {
    fn lift_request(&self, wire: fetch::Request) -> wasmtime::Result<Request> {
        let headers = wire
            .headers
            .into_iter()
            .map(|(name, value)| {
                let value = match value {
                    fetch::HeaderValue::Plain(text) => Value::Plain(text),
                    fetch::HeaderValue::Secret((prefix, secret)) => {
                        Value::Secret(prefix, self.table.get(&secret)?.name.clone())
                    }
                };
                Ok((name, value))
            })
            .collect::<wasmtime::Result<_>>()?;
        Ok(Request {
            method: wire.method,
            url: wire.url,
            headers,
            body: wire.body,
            timeout: wire.timeout_ms.map(|ms| Duration::from_millis(ms.into())),
            max_body: wire.max_body.map(|bytes| bytes as usize),
        })
    }
}
