//! Gradients, clipping, and AdamW with its state in the open.

use crate::decoder::safetensors_files::values_f32;
use crate::{ModelError, safetensors_bytes};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use safetensors::SafeTensors;
use std::collections::BTreeMap;

/// Gradients by variable name, in a stable order.
#[derive(Clone, Debug, Default)]
pub struct Gradients(BTreeMap<String, Tensor>);

impl Gradients {
    /// The gradients of `vars` out of a backward pass. A variable without one is left out.
    #[must_use]
    pub fn collect(vars: &[(String, Var)], store: &GradStore) -> Self {
        let found = vars
            .iter()
            .filter_map(|(name, var)| Some((name.clone(), store.get(var)?.clone())));
        Self(found.collect())
    }

    /// Gradients by their variables' names.
    pub(crate) fn from_tensors(gradients: BTreeMap<String, Tensor>) -> Self {
        Self(gradients)
    }

    /// Adds `other`, for accumulation over parts of a batch.
    ///
    /// # Errors
    /// If shapes differ.
    pub fn add(&mut self, other: &Self) -> Result<(), ModelError> {
        for (name, gradient) in &other.0 {
            let sum = match self.0.get(name) {
                Some(sum) => (sum + gradient)?,
                None => gradient.clone(),
            };
            self.0.insert(name.clone(), sum);
        }
        Ok(())
    }

    /// Multiplies all by `factor`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn scale(&mut self, factor: f64) -> Result<(), ModelError> {
        for gradient in self.0.values_mut() {
            *gradient = (&*gradient * factor)?;
        }
        Ok(())
    }

    /// The 2-norm over all values. Summed in `f64` in a fixed order.
    ///
    /// # Errors
    /// If the values cannot be fetched from their device.
    pub fn global_norm(&self) -> Result<f64, ModelError> {
        let mut sum = 0.0;
        for gradient in self.0.values() {
            let values = gradient.flatten_all()?.to_vec1::<f32>()?;
            sum += values
                .iter()
                .map(|&value| f64::from(value) * f64::from(value))
                .sum::<f64>();
        }
        Ok(sum.sqrt())
    }

    /// Scales all so that their 2-norm is at most `norm_max`; returns the norm before that.
    ///
    /// # Errors
    /// If the norm is not finite: a step would spoil the variables.
    pub fn clip(&mut self, norm_max: f64) -> Result<f64, ModelError> {
        let norm = self.global_norm()?;
        if !norm.is_finite() {
            return Err(ModelError::unsupported("gradients", "a finite norm", norm));
        }
        if norm > norm_max {
            self.scale(norm_max / norm)?;
        }
        Ok(norm)
    }

    /// The gradient of one variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0
            .iter()
            .map(|(name, gradient)| (name.as_str(), gradient))
    }
}

/// AdamW's constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWConfig {
    /// Decay of the first moment, in [0, 1).
    pub beta_1: f64,
    /// Decay of the second moment, in [0, 1).
    pub beta_2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl Default for AdamWConfig {
    /// PyTorch's.
    fn default() -> Self {
        Self {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
        }
    }
}

/// AdamW (Loshchilov and Hutter, 2019) as PyTorch computes it.
#[derive(Clone, Debug)]
pub struct AdamW {
    config: AdamWConfig,
    steps: u64,
    moments: BTreeMap<String, Moments>,
}

#[derive(Clone, Debug)]
struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
}

const FIRST: &str = "first.";
const SECOND: &str = "second.";
const STEPS: &str = "steps";

impl AdamW {
    /// An optimizer that has made no step.
    #[must_use]
    pub fn new(config: AdamWConfig) -> Self {
        Self {
            config,
            steps: 0,
            moments: BTreeMap::new(),
        }
    }

    /// One step with learning rate `lr`. Variables without a gradient stay as they are.
    ///
    /// # Errors
    /// If a gradient has another shape than its variable.
    pub fn step(
        &mut self,
        vars: &[(String, Var)],
        gradients: &Gradients,
        lr: f64,
    ) -> Result<(), ModelError> {
        self.steps += 1;
        let AdamWConfig {
            beta_1,
            beta_2,
            epsilon,
            weight_decay,
        } = self.config;
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let step_size = (lr / (1.0 - beta_1.powi(steps))) as f32;
        let second_root = (1.0 - beta_2.powi(steps)).sqrt() as f32;
        let decay = (1.0 - lr * weight_decay) as f32;
        // Rounded to f32 after the subtraction, as PyTorch does.
        let (rest_1, rest_2) = ((1.0 - beta_1) as f32, (1.0 - beta_2) as f32);
        let (beta_2, epsilon) = (beta_2 as f32, epsilon as f32);
        for (name, var) in vars {
            let Some(gradient) = gradients.get(name) else {
                continue;
            };
            let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
            let mut values = var.flatten_all()?.to_vec1::<f32>()?;
            let zeros = || vec![0.0; values.len()];
            let moments = self.moments.entry(name.clone()).or_insert_with(|| Moments {
                first: zeros(),
                second: zeros(),
            });
            if gradient.len() != values.len() || moments.first.len() != values.len() {
                return Err(ModelError::unsupported(
                    format!("the gradient of {name}"),
                    format!("{} values", values.len()),
                    gradient.len(),
                ));
            }
            let both = moments.first.iter_mut().zip(&mut moments.second);
            for ((value, &g), (first, second)) in values.iter_mut().zip(&gradient).zip(both) {
                *value *= decay;
                *first += (g - *first) * rest_1;
                *second = *second * beta_2 + g * g * rest_2;
                *value -= step_size * *first / (second.sqrt() / second_root + epsilon);
            }
            var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?;
        }
        Ok(())
    }

    /// Steps made.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Moments and number of steps as safetensors. The same state gives the same bytes.
    ///
    /// # Errors
    /// None that a sound program meets.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let mut tensors = BTreeMap::new();
        for (name, Moments { first, second }) in &self.moments {
            let tensor = |values: &Vec<f32>| {
                Tensor::from_slice(values, values.len(), &candle_core::Device::Cpu)
            };
            tensors.insert(format!("{FIRST}{name}"), tensor(first)?);
            tensors.insert(format!("{SECOND}{name}"), tensor(second)?);
        }
        let metadata = BTreeMap::from([(STEPS.to_owned(), self.steps.to_string())]);
        safetensors_bytes::write(&tensors, &metadata)
    }

    /// Goes on from [`AdamW::to_bytes`], bit for bit.
    ///
    /// # Errors
    /// If the bytes are no such state.
    pub fn from_bytes(config: AdamWConfig, bytes: &[u8]) -> Result<Self, ModelError> {
        let wrong = |found: String| {
            ModelError::unsupported("optimizer state", "moments and a number of steps", found)
        };
        let file = SafeTensors::deserialize(bytes).map_err(|error| wrong(error.to_string()))?;
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|error| wrong(error.to_string()))?;
        let steps = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(STEPS)?.parse().ok());
        let steps = steps.ok_or_else(|| wrong("no number of steps".to_owned()))?;
        let mut moments = BTreeMap::new();
        for name in file.names() {
            let Some(variable) = name.strip_prefix(FIRST) else {
                continue;
            };
            let read = |name: &str| {
                let tensor = file
                    .tensor(name)
                    .map_err(|error| wrong(error.to_string()))?;
                values_f32(name, &tensor)
            };
            let (first, second) = (read(name)?, read(&format!("{SECOND}{variable}"))?);
            if first.len() != second.len() {
                return Err(wrong(format!("moments of two lengths for {variable}")));
            }
            moments.insert(variable.to_owned(), Moments { first, second });
        }
        Ok(Self {
            config,
            steps,
            moments,
        })
    }
}
