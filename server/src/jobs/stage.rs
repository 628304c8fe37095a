//! The stages that a job can end with.

use app::view::StageChoice;

/// The whole pipeline: all that the configuration asks for.
pub const WHOLE: &str = "run";

/// `run`, then the stages of the pipeline in their order, each with what it makes.
const STAGES: [(&str, &str); 9] = [
    (
        WHOLE,
        "All that the configuration asks for, from the samples to the last evaluation.",
    ),
    (
        "sample",
        "Draws many responses to each train question, and the answer that the model gives when it is asked once.",
    ),
    (
        "cluster",
        "Puts responses that say the same together: how consistent the model is.",
    ),
    (
        "rationalize",
        "Writes from the clusters what the model wavers between.",
    ),
    ("build", "Makes the five stage-1 training sets."),
    (
        "sft",
        "Teaches a LoRA adapter to state answer, confidence and self-reflection.",
    ),
    (
        "rl",
        "Goes on from that adapter with a proper score of the confidence as the reward.",
    ),
    (
        "evaluate",
        "Asks the test questions by every `[[evaluate]]` of the configuration, and measures.",
    ),
    (
        "faithfulness",
        "Measures whether rationales tell what the samples waver between; needs `[faithfulness]`.",
    ),
];

/// All of them.
pub fn choices() -> Vec<StageChoice> {
    let choice = |(name, description): (&str, &str)| StageChoice {
        name: name.to_owned(),
        description: description.to_owned(),
    };
    STAGES.map(choice).into()
}

/// The stage of a name.
pub fn named(name: &str) -> Option<&'static str> {
    STAGES
        .iter()
        .map(|(known, _)| *known)
        .find(|known| *known == name)
}

/// Their names, with commas.
pub fn names() -> String {
    STAGES.map(|(name, _)| name).join(", ")
}
