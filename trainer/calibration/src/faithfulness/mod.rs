//! Whether a rationale tells what the model really wavers between, as pure measures.
//!
//! | to | use |
//! |---|---|
//! | score a rationale against the clusters of the samples, without a model | [`names::score`] |
//! | mark in it which clusters it names and what it invents | [`places::places`] |
//! | score it by a model's next-word distributions (SelfReflect) | [`self_reflect::masked_words`], [`self_reflect::distance`] |
//! | read a judge's reply; hide the confidence from it | [`judge_reply::score`], [`crate::parse::without_confidence`] |
//! | compare stated confidence with the samples (cMFG) | [`cmfg::cmfg`] |
//! | say how far annotators agree | [`agreement::alpha`], [`cohen::kappa`], [`fleiss::kappa`] |
//! | say how far measures go together | [`correlation::pearson`], [`correlation::spearman`] |
//! | rank methods by comparisons of two | [`bradley_terry::strengths`] |
//! | mend a judge's mean by people's ratings | [`corrected::mean`] |
//! | give a mean its interval | [`mean::mean`] |

pub mod agreement;
pub mod bradley_terry;
pub mod cmfg;
pub mod cohen;
pub mod corrected;
pub mod correlation;
pub mod fleiss;
pub mod judge_reply;
pub mod mean;
pub mod names;
pub mod places;
pub mod self_reflect;
