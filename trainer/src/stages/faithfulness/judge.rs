//! A language model as the judge (Table 4): it sees the question, the clusters with their shares and a
//! response of each, and the text — never a confidence, nor which method or control the text is of.

use super::Scored;
use super::ask::{Endpoint, Outcome};
use crate::error::bad_use;
use crate::sampler::http::HttpSampler;
use crate::stages::StageContext;
use crate::stages::run::prompt;
use calibration::faithfulness::judge_reply;
use calibration::parse;
use datasets::config::{EndpointConfig, FaithfulnessConfig};
use datasets::prompts::{Message, Prompt};
use datasets::{Clustering, Sample};

/// Tokens of a reply: 200 words of reasoning and the score.
const TOKENS_MAX: usize = 400;
/// Clusters that are shown, largest first.
const CLUSTERS_MAX: usize = 50;
/// Characters of a response that are shown.
const RESPONSE_CHARACTERS_MAX: usize = 2_000;

/// The judge with its prompt.
#[derive(Clone)]
pub struct Judge<'a> {
    pub endpoint: Endpoint<'a>,
    /// With the places `question`, `clusters` and `summary`.
    pub prompt: Prompt,
}

/// The connection to the judge that a configuration names.
pub struct JudgeServer {
    sampler: HttpSampler,
    model: String,
    prompt: Prompt,
    config: EndpointConfig,
}

impl JudgeServer {
    /// The judge, where its endpoint is named; nothing is asked yet. The key comes from the environment
    /// alone.
    ///
    /// # Errors
    /// Exit code 2 for an address that is none or holds a name or a password, which would be stored; for
    /// an endpoint without a model's name; for a prompt that lacks the places.
    pub fn connect(config: &FaithfulnessConfig) -> anyhow::Result<Option<JudgeServer>> {
        let Some(endpoint) = &config.judge else {
            return Ok(None);
        };
        let Some(model) = endpoint.model.clone() else {
            return Err(bad_use("--judge-endpoint needs --judge-model NAME"));
        };
        let prompt = prompt(Some(&config.judge_prompt))?;
        let places = [("question", ""), ("clusters", ""), ("summary", "")];
        prompt
            .render(&places)
            .map_err(|error| bad_use(format!("--judge-prompt {}: {error}", config.judge_prompt)))?;
        Ok(Some(JudgeServer {
            sampler: HttpSampler::new(endpoint, &model)?,
            model,
            prompt,
            config: endpoint.clone(),
        }))
    }

    pub fn judge(&self) -> Judge<'_> {
        Judge {
            endpoint: Endpoint {
                sampler: &self.sampler,
                model: self.model.clone(),
                concurrency: self.config.concurrency,
                attempts: self.config.attempts as usize,
            },
            prompt: self.prompt.clone(),
        }
    }
}

impl Judge<'_> {
    /// The scores, 0..=10, of each text, or why there is none.
    ///
    /// # Errors
    /// As [`Endpoint::ask`]; where the prompt lacks a place.
    pub fn scores(
        &self,
        context: &StageContext<'_>,
        texts: &[(&Scored, &str)],
    ) -> anyhow::Result<Vec<Outcome<f64>>> {
        let conversations = texts
            .iter()
            .map(|(of, text)| self.messages(of, text))
            .collect::<anyhow::Result<Vec<_>>>()?;
        self.endpoint
            .ask(context, &conversations, TOKENS_MAX, &|reply| {
                judge_reply::score(reply).map_err(|failure| failure.to_string())
            })
    }

    fn messages(&self, of: &Scored, text: &str) -> anyhow::Result<Vec<Message>> {
        let clusters = listed(&of.clustering, &of.samples);
        let values = [
            ("question", of.stated.question.question.as_str()),
            ("clusters", clusters.as_str()),
            ("summary", text),
        ];
        Ok(self.prompt.render(&values)?)
    }
}

/// The clusters, numbered, each with its share and its first response.
fn listed(clustering: &Clustering, samples: &[Sample]) -> String {
    let lines: Vec<String> = (1..)
        .zip(clustering.clusters.iter().take(CLUSTERS_MAX))
        .map(|(number, cluster): (usize, _)| {
            let first = cluster.members.first();
            let response = samples
                .iter()
                .find(|sample| Some(&sample.index) == first)
                .map(|sample| parse::before_doubt(&sample.response))
                .filter(|response| !response.is_empty())
                .unwrap_or(&cluster.answer);
            let words = response.split_whitespace().collect::<Vec<_>>().join(" ");
            let shown: String = words.chars().take(RESPONSE_CHARACTERS_MAX).collect();
            let shown = match shown.as_str() {
                "" => "(no answer)",
                text => text,
            };
            format!("{number}. ({:.0}%) {shown}", 100.0 * cluster.share)
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use datasets::Cluster;
    use datasets::record::FinishReason;

    #[test]
    fn the_judge_sees_shares_and_responses_but_no_doubt() {
        let responses = [
            "Answer: Rome\nConfidence: 8\nSelf-reflection: no",
            "Confidence: 3",
        ];
        let samples: Vec<Sample> = (0..)
            .zip(responses)
            .map(|(index, response)| Sample {
                id: index.to_string(),
                question_id: "q".into(),
                question: "Which?".into(),
                index,
                response: response.into(),
                finish_reason: FinishReason::Stop,
                tokens: 1,
                logprob: None,
            })
            .collect();
        let cluster = |answer: &str, member: u32| Cluster {
            answer: answer.into(),
            members: vec![member],
            share: 0.5,
            correct: false,
        };
        let clustering = Clustering {
            id: "q".into(),
            question: "Which?".into(),
            template: None,
            method: "answer".into(),
            clusters: vec![cluster("Rome", 0), cluster("", 1)],
        };
        let shown = listed(&clustering, &samples);
        assert_eq!(shown, "1. (50%) Answer: Rome\n2. (50%) (no answer)");
    }
}
