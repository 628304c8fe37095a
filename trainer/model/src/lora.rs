//! LoRA adapters (Hu et al., 2021), in the form of PEFT.

use crate::decoder::safetensors_files::values_f32;
use crate::ops::{Dropout, mixed, with_slice};
use crate::{Config, ModelError, safetensors_bytes};
use candle_core::{Device, Tensor, Var};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use safetensors::SafeTensors;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Greatest rank.
pub const RANK_MAX: usize = 4_096;

/// A linear layer that an adapter can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Projection {
    /// Queries.
    Q,
    /// Keys.
    K,
    /// Values.
    V,
    /// Attention's output.
    O,
    /// Feed-forward gate.
    Gate,
    /// Feed-forward up.
    Up,
    /// Feed-forward down.
    Down,
}

impl Projection {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::Q,
        Self::K,
        Self::V,
        Self::O,
        Self::Gate,
        Self::Up,
        Self::Down,
    ];

    /// PEFT's name: `q_proj`, …, `down_proj`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// The projection of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|projection| projection.name() == name)
    }

    /// Its path within a layer of transformers' model.
    pub(crate) fn module(self) -> String {
        let block = match self {
            Self::Q | Self::K | Self::V | Self::O => "self_attn",
            Self::Gate | Self::Up | Self::Down => "mlp",
        };
        format!("{block}.{}", self.name())
    }

    /// The names of A and B of a layer.
    pub(crate) fn variables(self, layer: usize) -> [String; 2] {
        ["lora_A", "lora_B"].map(|which| tensor_name(layer, self, which))
    }

    /// (out, in)
    #[must_use]
    pub fn shape(self, config: &Config) -> (usize, usize) {
        let Config {
            hidden,
            intermediate,
            heads,
            kv_heads,
            head_dim,
            ..
        } = *config;
        match self {
            Self::Q => (heads * head_dim, hidden),
            Self::K | Self::V => (kv_heads * head_dim, hidden),
            Self::O => (hidden, heads * head_dim),
            Self::Gate | Self::Up => (intermediate, hidden),
            Self::Down => (hidden, intermediate),
        }
    }
}

/// The shape of an adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraConfig {
    /// Rank r, 1 to [`RANK_MAX`].
    pub rank: usize,
    /// α; the update is scaled by α / r.
    pub alpha: f64,
    /// The projections that get a pair.
    pub targets: Vec<Projection>,
    /// The first layer that gets pairs; those below are left as they are.
    pub first_layer: usize,
    /// Share of what a pair reads that is dropped while it learns ([`Lora::with_dropout`]), 0 to below 1.
    pub dropout: f64,
}

/// The update `scale · B · A` of one projection.
#[derive(Clone, Debug)]
pub struct LoraPair {
    /// A, (rank, in).
    pub a: Var,
    /// B, (out, rank).
    pub b: Var,
    /// α / r.
    pub scale: f64,
    /// Of what A reads, while it learns.
    pub(crate) dropout: Option<Dropout>,
    /// Whether gradients are followed.
    followed: bool,
    /// Where it learns no more ([`Lora::for_inference`]).
    pub(crate) turned: Option<Arc<Turned>>,
}

/// A and B turned, so that a product of few rows reads them as they lie.
#[derive(Debug)]
pub(crate) struct Turned {
    /// Aᵀ, (in, rank).
    pub a: Vec<f32>,
    /// Bᵀ, (rank, out).
    pub b: Vec<f32>,
}

impl LoraPair {
    /// The same values, with no gradients followed.
    pub(crate) fn detached(&self) -> Self {
        Self {
            followed: false,
            ..self.clone()
        }
    }

    /// A and B as they go into an operation.
    pub(crate) fn tensors(&self) -> (Tensor, Tensor) {
        match self.followed {
            true => (self.a.as_tensor().clone(), self.b.as_tensor().clone()),
            false => (self.a.as_detached_tensor(), self.b.as_detached_tensor()),
        }
    }
}

/// An adapter.
#[derive(Clone, Debug)]
pub struct Lora {
    config: LoraConfig,
    layers: usize,
    pairs: BTreeMap<(usize, Projection), LoraPair>,
    metadata: BTreeMap<String, String>,
}

impl Lora {
    /// A fresh adapter: A as PEFT draws it (Kaiming uniform with a = √5: uniform in ±1/√in), B zero.
    /// The same seed gives the same bytes.
    ///
    /// # Errors
    /// If the shape does not fit the model.
    pub fn init(
        config: &Config,
        lora: LoraConfig,
        seed: u64,
        device: &Device,
    ) -> Result<Self, ModelError> {
        check_rank(lora.rank)?;
        if lora.targets.is_empty() || lora.first_layer >= config.layers {
            return Err(ModelError::unsupported(
                "an adapter",
                format!(
                    "at least one projection, and a first layer below {}",
                    config.layers
                ),
                format!(
                    "{} projections, first layer {}",
                    lora.targets.len(),
                    lora.first_layer
                ),
            ));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut targets = lora.targets.clone();
        targets.sort_unstable();
        targets.dedup();
        let scale = lora.alpha / lora.rank as f64;
        let mut pairs = BTreeMap::new();
        for layer in lora.first_layer..config.layers {
            for &projection in &targets {
                let (rows, columns) = projection.shape(config);
                let bound = (columns as f64).powf(-0.5);
                let a: Vec<f32> = (0..lora.rank * columns)
                    .map(|_| ((2.0 * uniform(&mut rng) - 1.0) * bound) as f32)
                    .collect();
                let b = vec![0.0f32; rows * lora.rank];
                let a = Var::from_vec(a, (lora.rank, columns), device)?;
                let b = Var::from_vec(b, (rows, lora.rank), device)?;
                pairs.insert(
                    (layer, projection),
                    LoraPair {
                        a,
                        b,
                        scale,
                        dropout: None,
                        followed: true,
                        turned: None,
                    },
                );
            }
        }
        let config = LoraConfig { targets, ..lora };
        let layers = pairs.keys().last().map_or(0, |(layer, _)| layer + 1);
        Ok(Self {
            config,
            layers,
            pairs,
            metadata: BTreeMap::new(),
        })
    }

    /// Reads PEFT's two files for a model of shape `config`.
    ///
    /// # Errors
    /// If they are torn, for another model, or use a feature other than plain LoRA (DoRA, biases,
    /// patterns of ranks, saved modules, layers or tokens of their own). Which modules were aimed at
    /// (`target_modules` as a list, a regular expression or `all-linear`) is read off the tensors.
    pub fn from_safetensors(
        adapter_config_json: &[u8],
        adapter_model_safetensors: &[u8],
        config: &Config,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let json: Json =
            serde_json::from_slice(adapter_config_json).map_err(|source| ModelError::Json {
                file: "adapter_config.json",
                source,
            })?;
        let (rank, alpha, scale) = read_shape(&json)?;
        let unreadable = |error| {
            ModelError::unsupported(
                "adapter_model.safetensors",
                "a whole safetensors file",
                error,
            )
        };
        let file = SafeTensors::deserialize(adapter_model_safetensors).map_err(unreadable)?;
        let (_, header) =
            SafeTensors::read_metadata(adapter_model_safetensors).map_err(unreadable)?;
        let metadata = header
            .metadata()
            .clone()
            .unwrap_or_default()
            .into_iter()
            .collect();
        let mut tensors = file.tensors();
        tensors.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut pairs = BTreeMap::new();
        for (name, _) in &tensors {
            let (layer, projection, which) = parse_name(name, config)?;
            if which != "lora_A" {
                continue;
            }
            let (rows, columns) = projection.shape(config);
            let read = |which: &str, shape: (usize, usize)| -> Result<Var, ModelError> {
                let name = tensor_name(layer, projection, which);
                let tensor = file.tensor(&name).map_err(|_| {
                    ModelError::unsupported("an adapter", format!("a tensor {name}"), "none")
                })?;
                if tensor.shape() != [shape.0, shape.1] {
                    return Err(ModelError::unsupported(
                        format!("an adapter, tensor {name}"),
                        format!("the shape {shape:?}"),
                        format!("{:?}", tensor.shape()),
                    ));
                }
                Ok(Var::from_vec(values_f32(&name, &tensor)?, shape, device)?)
            };
            let a = read("lora_A", (rank, columns))?;
            let b = read("lora_B", (rows, rank))?;
            pairs.insert(
                (layer, projection),
                LoraPair {
                    a,
                    b,
                    scale,
                    dropout: None,
                    followed: true,
                    turned: None,
                },
            );
        }
        if pairs.is_empty() || 2 * pairs.len() != tensors.len() {
            return Err(ModelError::unsupported(
                "adapter_model.safetensors",
                "a lora_A and a lora_B for each projection",
                format!("{} tensors, {} of them lora_A", tensors.len(), pairs.len()),
            ));
        }
        let mut targets: Vec<_> = pairs.keys().map(|(_, projection)| *projection).collect();
        targets.sort_unstable();
        targets.dedup();
        let first_layer = pairs.keys().next().map_or(0, |(layer, _)| *layer);
        let layers = pairs.keys().last().map_or(0, |(layer, _)| layer + 1);
        let config = LoraConfig {
            rank,
            alpha,
            targets,
            first_layer,
            dropout: json["lora_dropout"]
                .as_f64()
                .unwrap_or(0.0)
                .clamp(0.0, 0.99),
        };
        Ok(Self {
            config,
            layers,
            pairs,
            metadata,
        })
    }

    /// PEFT's two files: (`adapter_config.json`, `adapter_model.safetensors`). The same adapter
    /// gives the same bytes.
    ///
    /// # Errors
    /// If the values cannot be fetched from their device.
    pub fn to_bytes(&self) -> Result<(Vec<u8>, Vec<u8>), ModelError> {
        let names: Vec<_> = self
            .config
            .targets
            .iter()
            .map(|target| target.name())
            .collect();
        let layers: Vec<usize> = (self.config.first_layer..self.layers).collect();
        let json = json!({
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": null,
            "inference_mode": true,
            "r": self.config.rank,
            "lora_alpha": self.config.alpha,
            "lora_dropout": self.config.dropout,
            "target_modules": names,
            "layers_to_transform": layers,
            "layers_pattern": "layers",
            "bias": "none",
            "fan_in_fan_out": false,
            "use_dora": false,
            "use_rslora": false,
            "modules_to_save": null,
            "rank_pattern": {},
            "alpha_pattern": {},
        });
        let config = serde_json::to_vec_pretty(&json).map_err(|source| ModelError::Json {
            file: "adapter_config.json",
            source,
        })?;
        let tensors = self
            .vars()
            .into_iter()
            .map(|(name, var)| (name, var.as_detached_tensor()))
            .collect();
        Ok((config, safetensors_bytes::write(&tensors, &self.metadata)?))
    }

    /// All variables with PEFT's names
    /// (`base_model.model.model.layers.N.self_attn.q_proj.lora_A.weight`), by layer, then by
    /// projection, A before B.
    #[must_use]
    pub fn vars(&self) -> Vec<(String, Var)> {
        self.pairs
            .iter()
            .flat_map(|(&(layer, projection), pair)| {
                let [name_a, name_b] = projection.variables(layer);
                [(name_a, pair.a.clone()), (name_b, pair.b.clone())]
            })
            .collect()
    }

    /// The adapter's shape.
    #[must_use]
    pub fn config(&self) -> &LoraConfig {
        &self.config
    }

    /// The pair of one projection.
    #[must_use]
    pub fn pair(&self, layer: usize, projection: Projection) -> Option<&LoraPair> {
        self.pairs.get(&(layer, projection))
    }

    /// The same variables, with what each pair reads dropped by the configuration's share, at random by
    /// `seed`: for one pass of learning.
    #[must_use]
    pub fn with_dropout(&self, seed: u64) -> Self {
        let mut lora = self.clone();
        for ((layer, projection), pair) in &mut lora.pairs {
            let place = (*layer as u64) << 3 | *projection as u64;
            pair.dropout = Dropout::new(self.config.dropout, mixed(mixed(seed) ^ place));
        }
        lora
    }

    /// The same adapter for inference alone: turned once, so that no product of few rows has to. What it
    /// gives has the same bits. Memory: as much again.
    ///
    /// # Errors
    /// If the values cannot be fetched from their device.
    pub fn for_inference(&self) -> Result<Self, ModelError> {
        let mut lora = self.clone();
        for pair in lora.pairs.values_mut() {
            pair.turned = Some(Arc::new(Turned {
                a: turned(&pair.a)?,
                b: turned(&pair.b)?,
            }));
        }
        Ok(lora)
    }

    /// Texts kept in the adapter's file, such as how it was trained.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The same, to be changed.
    pub fn metadata_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.metadata
    }
}

/// The transpose of a matrix, row by row.
fn turned(matrix: &Var) -> Result<Vec<f32>, ModelError> {
    let (rows, columns) = matrix.dims2()?;
    Ok(with_slice(matrix, |values| {
        let of_column = |column: usize| (0..rows).map(move |row| values[row * columns + column]);
        (0..columns).flat_map(of_column).collect()
    })?)
}

/// 53 random bits as a number in [0, 1).
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

fn tensor_name(layer: usize, projection: Projection, which: &str) -> String {
    format!(
        "base_model.model.model.layers.{layer}.{}.{which}.weight",
        projection.module()
    )
}

fn parse_name(
    name: &str,
    config: &Config,
) -> Result<(usize, Projection, &'static str), ModelError> {
    let parse = || {
        let rest = name
            .strip_prefix("base_model.model.model.layers.")?
            .strip_suffix(".weight")?;
        let mut parts = rest.split('.');
        let layer: usize = parts.next()?.parse().ok()?;
        let projection = Projection::from_name(parts.nth(1)?)?;
        let which = match parts.next()? {
            "lora_A" => "lora_A",
            "lora_B" => "lora_B",
            _ => return None,
        };
        let is_ours = layer < config.layers && tensor_name(layer, projection, which) == name;
        is_ours.then_some((layer, projection, which))
    };
    parse().ok_or_else(|| {
        ModelError::unsupported(
            "adapter_model.safetensors",
            format!(
                "lora_A and lora_B of the seven projections of {} layers",
                config.layers
            ),
            format!("a tensor {name}"),
        )
    })
}

fn check_rank(rank: usize) -> Result<(), ModelError> {
    if (1..=RANK_MAX).contains(&rank) {
        return Ok(());
    }
    Err(ModelError::unsupported(
        "an adapter's rank",
        format!("1 to {RANK_MAX}"),
        rank,
    ))
}

/// Rank, α and scale.
fn read_shape(json: &Json) -> Result<(usize, f64, f64), ModelError> {
    let what = |key: &str| format!("adapter_config.json, {key}");
    if json["peft_type"] != "LORA" {
        return Err(ModelError::unsupported(
            what("peft_type"),
            "LORA",
            &json["peft_type"],
        ));
    }
    let is_off = |value: &Json| match value {
        Json::Null | Json::Bool(false) => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        Json::String(text) => text == "none",
        Json::Bool(true) | Json::Number(_) => false,
    };
    let refused = [
        "use_dora",
        "fan_in_fan_out",
        "bias",
        "lora_bias",
        "modules_to_save",
        "rank_pattern",
        "alpha_pattern",
        "layer_replication",
        "trainable_token_indices",
        "alora_invocation_tokens",
        "target_parameters",
        "use_qalora",
        "use_bdlora",
        "monteclora_config",
    ];
    for key in refused {
        if !is_off(&json[key]) {
            return Err(ModelError::unsupported(
                what(key),
                "none (plain LoRA)",
                &json[key],
            ));
        }
    }
    let rank = json["r"]
        .as_u64()
        .and_then(|rank| usize::try_from(rank).ok());
    let rank = rank.ok_or_else(|| ModelError::unsupported(what("r"), "an integer", &json["r"]))?;
    check_rank(rank)?;
    let alpha = json["lora_alpha"]
        .as_f64()
        .filter(|alpha| alpha.is_finite());
    let alpha = alpha.ok_or_else(|| {
        ModelError::unsupported(what("lora_alpha"), "a number", &json["lora_alpha"])
    })?;
    if json["use_rslora"] == true {
        // Rank-stabilised LoRA scales by α / √r; kept as the α that gives the same scale.
        let scale = alpha / (rank as f64).sqrt();
        return Ok((rank, scale * rank as f64, scale));
    }
    Ok((rank, alpha, alpha / rank as f64))
}
