//! Flags that say how an OpenAI-compatible server is asked.

use clap::Args;
use datasets::config::EndpointConfig;

/// How any endpoint of a command is asked.
#[derive(Args, Clone, Debug, Default)]
pub struct EndpointArguments {
    /// Calls to an endpoint in flight, 1 to 1024
    #[arg(long, value_name = "N")]
    concurrency: Option<usize>,
    /// Tries of one call to an endpoint, with growing pauses; what fails them all is counted in
    /// DIR/skipped.jsonl, and asked for again when the command is started again
    #[arg(long, value_name = "N")]
    attempts: Option<u32>,
    /// Seconds after which a call to an endpoint is tried again
    #[arg(long, value_name = "S")]
    timeout_seconds: Option<f64>,
    /// The environment variable with the endpoint's key; without it SAYSELF_API_KEY, else
    /// OPENAI_API_KEY
    #[arg(long, value_name = "NAME")]
    key_variable: Option<String>,
}

impl EndpointArguments {
    /// The configuration's endpoint, or one at the address that was given, asked as the flags say.
    pub fn apply(&self, endpoint: &mut Option<EndpointConfig>, url: Option<&str>) {
        if let Some(url) = url {
            endpoint.get_or_insert_default().url = url.to_owned();
        }
        let Some(endpoint) = endpoint else {
            return;
        };
        endpoint.concurrency = self.concurrency.unwrap_or(endpoint.concurrency);
        endpoint.attempts = self.attempts.unwrap_or(endpoint.attempts);
        endpoint.timeout_seconds = self.timeout_seconds.unwrap_or(endpoint.timeout_seconds);
        if self.key_variable.is_some() {
            endpoint.key_variable.clone_from(&self.key_variable);
        }
    }
}
