//! Sentence embeddings from an OpenAI-compatible server (`/v1/embeddings`).

use super::{Embedded, SentenceEncoder};
use crate::endpoint::at_once::at_once;
use crate::endpoint::{Endpoint, Spent, Unanswered};
use datasets::config::EndpointConfig;
use serde::Deserialize;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

const PATH: &str = "embeddings";
/// Texts of one call.
const TEXTS_PER_CALL_MAX: usize = 64;
/// Numbers of one embedding.
const DIMENSIONS_MAX: usize = 65_536;

/// An embedding model behind an endpoint.
pub struct HttpEmbedder {
    endpoint: Endpoint,
}

impl HttpEmbedder {
    /// `model`: what the endpoint calls it, where the configuration does not say otherwise.
    ///
    /// # Errors
    /// As [`Endpoint::new`].
    pub fn new(config: &EndpointConfig, model: &str) -> anyhow::Result<Self> {
        Ok(HttpEmbedder {
            endpoint: Endpoint::new(config, model)?,
        })
    }

    fn embed(&self, texts: &[String], ended: &AtomicBool) -> Result<Vec<Vec<f32>>, Unanswered> {
        let mut embeddings: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
        for batch in texts.chunks(TEXTS_PER_CALL_MAX) {
            let body = json!({ "model": self.endpoint.model(), "input": batch });
            let dimensions = embeddings.first().map(Vec::len);
            let read = |reply: &Value| embeddings_of(reply, batch.len(), dimensions);
            embeddings.extend(self.endpoint.call(PATH, &body, ended, &read)?);
        }
        Ok(embeddings)
    }
}

impl SentenceEncoder for HttpEmbedder {
    fn name(&self) -> &str {
        self.endpoint.model()
    }

    fn embed_groups(
        &self,
        groups: &[Vec<String>],
        on_done: &mut dyn FnMut(usize, Embedded) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        at_once(
            groups,
            self.endpoint.concurrency(),
            |group, texts, outbox| match self.embed(texts, outbox.ended()) {
                Ok(embeddings) => {
                    outbox.put((group, Ok(embeddings)));
                    Ok(())
                }
                Err(Unanswered::Ended) => Ok(()),
                Err(unanswered) => {
                    outbox.put((group, Err(unanswered.to_string())));
                    Err(unanswered)
                }
            },
            &mut |(group, embedded)| on_done(group, embedded),
        )
    }

    fn spent(&self) -> Option<Spent> {
        Some(self.endpoint.spent())
    }
}

#[derive(Deserialize)]
struct Reply {
    data: Vec<ReplyEmbedding>,
}

#[derive(Deserialize)]
struct ReplyEmbedding {
    /// Its place among the texts; absent: as it stands.
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// One embedding a text, in the order of the texts, of `dimensions` numbers where others were of so many.
fn embeddings_of(
    reply: &Value,
    texts: usize,
    dimensions: Option<usize>,
) -> Result<Vec<Vec<f32>>, String> {
    let reply = Reply::deserialize(reply)
        .map_err(|error| format!("expected embeddings, found another reply: {error}"))?;
    if reply.data.len() != texts {
        return Err(format!(
            "expected {texts} embeddings, found {}",
            reply.data.len()
        ));
    }
    let mut embeddings: Vec<Option<Vec<f32>>> = vec![None; texts];
    let mut length = dimensions;
    for (place, one) in reply.data.into_iter().enumerate() {
        let found = one.embedding.len();
        if found == 0 || found > DIMENSIONS_MAX || length.is_some_and(|length| length != found) {
            return Err(match length {
                Some(length) => {
                    format!("expected embeddings of {length} numbers, found one of {found}")
                }
                None => format!("expected 1 to {DIMENSIONS_MAX} numbers, found {found}"),
            });
        }
        length = Some(found);
        let is_sound = one.embedding.iter().all(|number| number.is_finite())
            && one.embedding.iter().any(|number| *number != 0.0);
        if !is_sound {
            return Err("expected finite numbers that are not all 0, found others".into());
        }
        let place = one.index.unwrap_or(place);
        match embeddings.get_mut(place) {
            Some(free @ None) => *free = Some(one.embedding),
            _ => {
                return Err(format!(
                    "expected one embedding a text, found the place {place} wrong"
                ));
            }
        }
    }
    // As many as texts, each at a place of its own: none is missing.
    Ok(embeddings.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embeddings_are_put_in_order_and_lies_are_told() {
        let reply = json!({ "data": [
            { "index": 1, "embedding": [0.0, 2.0] }, { "index": 0, "embedding": [1.0, 0.0] },
        ] });
        assert_eq!(
            embeddings_of(&reply, 2, None).unwrap(),
            [[1.0, 0.0], [0.0, 2.0]]
        );
        assert!(embeddings_of(&reply, 3, None).is_err());
        assert!(embeddings_of(&reply, 2, Some(3)).is_err());
        for data in [
            json!([{ "embedding": [] }]),
            json!([{ "embedding": [0.0] }]),
            json!([{ "embedding": [null] }]),
            json!([{ "embedding": "AAAA" }]),
            json!([{ "index": 1, "embedding": [1.0] }]),
            json!([{ "embedding": [1e99] }]),
        ] {
            assert!(
                embeddings_of(&json!({ "data": data }), 1, None).is_err(),
                "{data}"
            );
        }
        let twice = json!({ "data": [
            { "index": 0, "embedding": [1.0] }, { "index": 0, "embedding": [1.0] },
        ] });
        assert!(embeddings_of(&twice, 2, None).is_err());
        assert!(embeddings_of(&json!({ "error": "x" }), 1, None).is_err());
    }
}
