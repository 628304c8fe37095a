//! One update by RLOO and by GRPO is that of TRL on the same rollouts, in f32.
//!
//! The golden files are made by `golden/trl/make.py`.

use calibration::Confidence;
use candle_core::{Device, Tensor};
use datasets::config::{Algorithm, Mask, Normalise, Precision, RlConfig};
use model::{Decoder, Gradients, LoadOptions, Lora, Tokenizer};
use sayself::learn::Student;
use sayself::learn::step::Learner;
use sayself::stages::rl::rollout::{Rewards, Rollout};
use sayself::stages::rl::teacher::{Surrogate, Teacher};
use sayself_tests::folders;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Greatest difference of a gradient's value.
const TOLERANCE: f64 = 1e-4;

fn golden(name: &str) -> PathBuf {
    folders::root().join("tests/golden").join(name)
}

fn tokens(value: &Value) -> Vec<u32> {
    let list = value.as_array().unwrap();
    list.iter()
        .map(|token| token.as_u64().unwrap() as u32)
        .collect()
}

fn student() -> Student {
    let bytes = fs::read(super::model_file()).unwrap();
    let options = LoadOptions {
        dequantize: true,
        ..LoadOptions::default()
    };
    let decoder = Decoder::from_gguf(&bytes, &options).unwrap();
    let tokenizer = Tokenizer::from_gguf(&bytes).unwrap();
    Student::new(decoder, tokenizer, 1024).unwrap()
}

fn adapter(student: &Student) -> Arc<Lora> {
    let read = |name: &str| fs::read(golden("transformers/adapter").join(name)).unwrap();
    let (config, weights) = (
        read("adapter_config.json"),
        read("adapter_model.safetensors"),
    );
    let shape = student.decoder.config();
    let lora = Lora::from_safetensors(&config, &weights, shape, &Device::Cpu).unwrap();
    Arc::new(lora)
}

fn scale(lora: &Lora, factor: f64) {
    for (_, variable) in lora.vars() {
        variable
            .set(&(variable.as_tensor() * factor).unwrap())
            .unwrap();
    }
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.into_iter().map(f64::from).collect()
}

fn assert_like_trl(lora: &Lora, ours: &Gradients, name: &str) {
    let bytes = fs::read(golden("trl").join(name).with_extension("safetensors")).unwrap();
    let theirs = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap();
    assert_eq!(lora.vars().len(), theirs.len());
    let (mut greatest, mut apart) = (0.0f64, 0.0f64);
    for (variable, _) in lora.vars() {
        let (ours, theirs) = (flat(ours.get(&variable).unwrap()), flat(&theirs[&variable]));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            greatest = greatest.max(theirs.abs());
            apart = apart.max((ours - theirs).abs());
        }
    }
    eprintln!("{name}: gradients up to {greatest:.2e}, apart by {apart:.1e}");
    assert!(greatest > 100.0 * TOLERANCE, "{name}: all near 0");
    assert!(apart <= TOLERANCE, "{name}: differs by {apart:e}");
}

#[test]
fn one_update_is_that_of_trl() {
    let told: Value =
        serde_json::from_slice(&fs::read(golden("trl/rollouts.json")).unwrap()).unwrap();
    let student = student();
    let (mut prompts, mut groups): (Vec<Vec<u32>>, Vec<Vec<Rollout>>) = Default::default();
    let mut rewards = Vec::new();
    for rollout in told["rollouts"].as_array().unwrap() {
        let prompt = tokens(&rollout["prompt"]);
        if prompts.last() != Some(&prompt) {
            prompts.push(prompt);
            groups.push(Vec::new());
        }
        let (_, before_level) = tokens(&rollout["tokens"])
            .split_last()
            .map(|(last, rest)| (*last, rest.to_vec()))
            .unwrap();
        groups.last_mut().unwrap().push(Rollout {
            before_level,
            level: Confidence::new(rollout["level"].as_u64().unwrap() as u8),
            correct: rollout["correct"].as_bool().unwrap(),
        });
        rewards.push(rollout["reward"].as_f64().unwrap());
    }
    let kl_weight = told["kl_weight"].as_f64().unwrap();
    for (name, algorithm, updates) in [
        ("rloo", Algorithm::Rloo, 1),
        ("grpo", Algorithm::Grpo, 1),
        ("grpo-second", Algorithm::Grpo, 2),
    ] {
        let is_grpo = algorithm == Algorithm::Grpo;
        let config = RlConfig {
            algorithm,
            target: "own".into(),
            mask: Mask::AllTokens,
            updates,
            normalise: Normalise::Group,
            kl_weight: if is_grpo { kl_weight } else { 0.0 },
            form_weight: 0.0,
            ..RlConfig::default()
        };
        let lora = adapter(&student);
        let learner = |lora: &Arc<Lora>| Learner::new(&student, lora, Precision::F32);
        let teacher = Teacher {
            surrogate: Surrogate {
                config: &config,
                rewards: Rewards::of(&config).unwrap(),
                ppo: None,
            },
            learner: learner(&lora),
            reference: is_grpo.then(|| learner(&adapter(&student))),
            levels: student.levels.clone(),
        };
        let round = teacher
            .begin(prompts.clone(), &groups, prompts.len(), updates)
            .unwrap();
        let mean = rewards.iter().sum::<f64>() / rewards.len() as f64;
        let logged = round
            .values
            .iter()
            .find(|value| value.0 == "reward")
            .unwrap()
            .1;
        assert!(
            (logged - mean).abs() < 1e-12,
            "the logged reward is the optimised one"
        );
        if updates > 1 {
            scale(&lora, told["growth"].as_f64().unwrap());
        }
        let mut gradients = Gradients::default();
        let (loss, _) = teacher.learn(&round, 0, &mut gradients).unwrap();
        if is_grpo {
            let theirs = told["losses"][name].as_f64().unwrap();
            assert!(
                (loss - theirs).abs() < 1e-4,
                "{name}: loss {loss}, TRL's {theirs}"
            );
        }
        assert_like_trl(&lora, &gradients, name);
    }
}
