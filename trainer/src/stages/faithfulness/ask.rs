//! Asking a language model behind an endpoint many things, each once: replies are kept in the run by the
//! hash of what was asked, so that a command which is started again asks nothing twice.

use crate::endpoint::Unanswered;
use crate::endpoint::at_once::at_once;
use crate::events::Progress;
use crate::run_dir::{RecordLog, read_records};
use crate::sampler::{SampleRequest, Sampler};
use crate::stages::StageContext;
use datasets::config::Decoding;
use datasets::hash::sha256_hex;
use datasets::prompts::Message;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The kept replies of one endpoint.
pub const REPLIES: &str = "replies.jsonl";
/// So many questions in a row without any reply: the endpoint is gone, and the stage fails.
const FAILURES_IN_A_ROW_MAX: usize = 5;
/// Of a try after one whose reply was malformed: the first, at 0, would be given again.
const RETRY_TEMPERATURE: f64 = 0.7;
/// Characters of a reply that are kept; a longer one is cut, and told so by its length.
const REPLY_CHARACTERS_MAX: usize = 65_536;

/// A language model that can be asked by several threads at once.
#[derive(Clone)]
pub struct Endpoint<'a> {
    pub sampler: &'a (dyn Sampler + Sync),
    /// What it calls the model, for the record.
    pub model: String,
    /// Questions in flight, at least 1.
    pub concurrency: usize,
    /// Tries at a reply that can be read, at least 1.
    pub attempts: usize,
}

/// One kept reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Reply {
    /// SHA-256 of model, messages, decoding and try.
    id: String,
    reply: String,
}

/// What was asked, and what of it could be read; else why not.
pub type Outcome<T> = Result<T, String>;

impl Endpoint<'_> {
    /// Asks every conversation until `read` can read a reply, at most `attempts` times; the outcomes, in
    /// order. Conversations that are the same are asked once.
    ///
    /// A question that the endpoint does not answer (after the tries that the sampler makes itself) is a
    /// failure too, but is asked again when the command is started again.
    ///
    /// # Errors
    /// Where the endpoint leaves five questions in a row without a reply; of the disk. What was answered
    /// is kept.
    pub fn ask<T: Clone + Send>(
        &self,
        context: &StageContext<'_>,
        conversations: &[Vec<Message>],
        max_tokens: usize,
        read: &(dyn Fn(&str) -> Outcome<T> + Sync),
    ) -> anyhow::Result<Vec<Outcome<T>>> {
        let mut first_of: HashMap<&[Message], usize> = HashMap::new();
        let mut distinct: Vec<&[Message]> = Vec::new();
        let places: Vec<usize> = conversations
            .iter()
            .map(|messages| {
                *first_of.entry(messages).or_insert_with(|| {
                    distinct.push(messages);
                    distinct.len() - 1
                })
            })
            .collect();
        let kept = Kept::open(&context.records.join(REPLIES))?;
        let outcomes = self.ask_distinct(context, &distinct, max_tokens, read, &kept);
        kept.finish()?;
        let outcomes = outcomes?;
        Ok(places
            .into_iter()
            .map(|place| outcomes[place].clone())
            .collect())
    }

    fn ask_distinct<T: Clone + Send>(
        &self,
        context: &StageContext<'_>,
        conversations: &[&[Message]],
        max_tokens: usize,
        read: &(dyn Fn(&str) -> Outcome<T> + Sync),
        kept: &Kept,
    ) -> anyhow::Result<Vec<Outcome<T>>> {
        let mut progress = Progress::start(context, 0, conversations.len() as u64, "questions")?;
        let mut outcomes: Vec<Option<Outcome<T>>> = vec![None; conversations.len()];
        let failures_in_a_row = AtomicUsize::new(0);
        let mut failure = None;
        let asked = at_once(
            conversations,
            self.concurrency,
            |index, messages, outbox| {
                let outcome = self
                    .ask_one(messages, max_tokens, read, kept, &failures_in_a_row)
                    .map_err(|error| Unanswered::Endpoint(format!("{error:#}")))?;
                outbox.put((index, outcome));
                Ok(())
            },
            &mut |(index, outcome)| {
                outcomes[index] = Some(outcome);
                match progress.advance(1) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failure = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        if let Some(error) = failure {
            return Err(error);
        }
        asked?;
        progress.finish()?;
        let outcomes: Option<Vec<Outcome<T>>> = outcomes.into_iter().collect();
        outcomes.ok_or_else(|| anyhow::anyhow!("asking ended before everything was asked"))
    }

    /// The outcome of one conversation; an error ends the stage.
    fn ask_one<T>(
        &self,
        messages: &[Message],
        max_tokens: usize,
        read: &(dyn Fn(&str) -> Outcome<T> + Sync),
        kept: &Kept,
        failures_in_a_row: &AtomicUsize,
    ) -> anyhow::Result<Outcome<T>> {
        let mut reason = String::new();
        for attempt in 0..self.attempts.max(1) {
            let decoding = Decoding {
                temperature: if attempt == 0 { 0.0 } else { RETRY_TEMPERATURE },
                max_tokens,
                ..Decoding::default()
            };
            let id = request_hash(&self.model, messages, &decoding, attempt)?;
            let reply = match kept.reply(&id) {
                Some(reply) => reply,
                None => match self.reply(messages, decoding, &id) {
                    Ok(reply) => {
                        failures_in_a_row.store(0, Ordering::Relaxed);
                        kept.keep(&id, &reply)?;
                        reply
                    }
                    Err(error) => {
                        let row = failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
                        if row >= FAILURES_IN_A_ROW_MAX {
                            return Err(error.context(format!(
                                "{} gave no reply {row} times in a row; what it said before is kept, and \
                                 the same command goes on from there",
                                self.model
                            )));
                        }
                        return Ok(Err(format!("no reply: {error:#}")));
                    }
                },
            };
            match read(&reply) {
                Ok(value) => return Ok(Ok(value)),
                Err(why) => reason = why,
            }
        }
        Ok(Err(format!("{reason} ({} tries)", self.attempts.max(1))))
    }

    fn reply(&self, messages: &[Message], decoding: Decoding, id: &str) -> anyhow::Result<String> {
        let request = SampleRequest {
            messages: messages.to_vec(),
            // Sixteen hexadecimal digits are 64 bits.
            seeds: vec![u64::from_str_radix(&id[..16], 16)?],
            decoding,
            forced_prefix: None,
        };
        let mut reply = None;
        self.sampler
            .sample(std::slice::from_ref(&request), &mut |_, _, response| {
                reply = Some(response.text);
                ControlFlow::Continue(())
            })?;
        let reply = reply.ok_or_else(|| anyhow::anyhow!("the endpoint gave no choice"))?;
        Ok(reply.chars().take(REPLY_CHARACTERS_MAX).collect())
    }
}

/// The name of a kept reply: neither address nor key is part of it.
fn request_hash(
    model: &str,
    messages: &[Message],
    decoding: &Decoding,
    attempt: usize,
) -> anyhow::Result<String> {
    let asked = serde_json::to_vec(&(model, messages, decoding, attempt))?;
    Ok(sha256_hex(&asked))
}

/// The replies of earlier starts, and those that come.
struct Kept(Mutex<Replies>);

struct Replies {
    log: RecordLog<Reply>,
    by_id: HashMap<String, String>,
}

impl Kept {
    fn open(path: &std::path::Path) -> anyhow::Result<Kept> {
        let log = RecordLog::open(path, |reply: &Reply| reply.id.clone())?;
        let by_id = read_records::<Reply>(path)?
            .into_iter()
            .map(|reply| (reply.id, reply.reply))
            .collect();
        Ok(Kept(Mutex::new(Replies { log, by_id })))
    }

    fn lock(&self) -> MutexGuard<'_, Replies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, id: &str) -> Option<String> {
        self.lock().by_id.get(id).cloned()
    }

    fn keep(&self, id: &str, reply: &str) -> anyhow::Result<()> {
        let mut replies = self.lock();
        replies.log.append(&Reply {
            id: id.to_owned(),
            reply: reply.to_owned(),
        })?;
        replies.by_id.insert(id.to_owned(), reply.to_owned());
        Ok(())
    }

    /// Settles the file in an order that does not depend on who answered first.
    fn finish(self) -> anyhow::Result<()> {
        let replies = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut ids: Vec<&str> = replies.by_id.keys().map(String::as_str).collect();
        ids.sort_unstable();
        replies.log.finish_in_order(ids)
    }
}
