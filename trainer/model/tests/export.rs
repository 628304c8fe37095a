//! Models written for others: what is written is read again as the same, and blocks are those of ggml.

#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

mod tiny;

use kernels::Format;
use model::export::{
    GgufModel, Origin, config_json, generation_config_json, quantize, write_safetensors,
};
use model::gguf::{Gguf, Value};
use model::{
    Architecture, Decoder, Device, LoadOptions, Lora, LoraConfig, Part, Projection, Segments,
    Tokenizer,
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::sync::Arc;

fn bytes_from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

/// Against `tests/golden/kernels/quantize.py`.
#[test]
fn blocks_are_those_of_ggml_byte_by_byte() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/kernels/quantize.txt"
    );
    let text = std::fs::read_to_string(path).unwrap();
    let mut formats = 0;
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let format = match fields[0] {
            "Q4_0" => Format::Q4_0,
            "Q4_1" => Format::Q4_1,
            "Q8_0" => Format::Q8_0,
            other => panic!("unknown format {other}"),
        };
        let values: Vec<f32> = bytes_from_hex(fields[1])
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        assert_eq!(
            quantize(format, &values).unwrap(),
            bytes_from_hex(fields[2]),
            "{format:?}"
        );
        formats += 1;
    }
    assert_eq!(formats, 3);
}

#[test]
fn values_that_no_format_holds_are_refused() {
    for (format, values) in [
        (Format::Q8_0, vec![f32::NAN; 32]),
        (Format::F32, vec![f32::INFINITY]),
        (Format::F16, vec![1e6]),
        (Format::Q4_1, vec![1e6; 32]),
        (Format::Q4_0, vec![1.0; 31]),
        (Format::Q6K, vec![1.0; 256]),
    ] {
        assert!(quantize(format, &values).is_err(), "{format:?}");
    }
}

proptest! {
    #[test]
    fn a_block_is_near_its_values(values in prop::collection::vec(-1e3f32..1e3, 32)) {
        let size = values.iter().fold(0.0f32, |size, value| size.max(value.abs()));
        // Half a step of each format, and what 16 bits lose of the scale.
        for (format, steps) in [(Format::Q8_0, 127.0), (Format::Q4_1, 7.5), (Format::Q4_0, 8.0)] {
            let mut again = vec![0.0; 32];
            kernels::dequantize(format, &quantize(format, &values).unwrap(), &mut again).unwrap();
            // Q4_0 has a level less on the side that is not the greatest value's.
            let whole = if format == Format::Q4_0 { 1.0 } else { 0.5 };
            let bound = size * (whole / steps + 2e-3);
            for (value, again) in values.iter().zip(&again) {
                prop_assert!((value - again).abs() <= bound, "{format:?}: {value} {again}");
            }
        }
    }
}

fn adapted(architecture: Architecture) -> Decoder {
    let decoder = tiny::decoder(architecture, false);
    let config = LoraConfig {
        rank: 3,
        alpha: 6.0,
        targets: vec![
            Projection::Q,
            Projection::K,
            Projection::O,
            Projection::Down,
        ],
        first_layer: 1,
        dropout: 0.0,
    };
    let lora = Lora::init(decoder.config(), config, 5, &Device::Cpu).unwrap();
    // B starts at zero, so that a fresh adapter changes nothing.
    for (name, var) in lora.vars() {
        if name.contains("lora_B") {
            let other = Lora::init(decoder.config(), lora.config().clone(), 6, &Device::Cpu);
            let count = var.as_tensor().elem_count();
            let source = other.unwrap().vars()[0]
                .1
                .as_tensor()
                .flatten_all()
                .unwrap();
            let source: Vec<f32> = source.to_vec1().unwrap();
            let values: Vec<f32> = source.iter().copied().cycle().take(count).collect();
            let shape = var.as_tensor().shape().clone();
            let values = model::Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
            var.set(&values).unwrap();
        }
    }
    decoder.with_adapter(Arc::new(lora))
}

fn logits(decoder: &Decoder) -> Vec<f32> {
    let tokens = [1, 2, 3, 200, 5];
    let x = decoder.embed(&tokens).unwrap();
    let layers = 0..decoder.config().layers;
    let x = decoder
        .layers(&x, &Segments::single(&tokens), layers)
        .unwrap();
    let logits = decoder.logits(&x).unwrap();
    logits.flatten_all().unwrap().to_vec1().unwrap()
}

fn greatest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}

const ARCHITECTURES: [Architecture; 4] = [
    Architecture::Llama,
    Architecture::Mistral,
    Architecture::Qwen2,
    Architecture::Gemma3,
];

#[test]
fn a_merged_folder_has_the_logits_of_base_and_adapter() {
    for architecture in ARCHITECTURES {
        let decoder = adapted(architecture);
        let base = logits(&decoder.without_adapter());
        assert!(greatest_difference(&logits(&decoder), &base) > 0.1);
        let mut weights = Vec::new();
        write_safetensors(&decoder, &mut weights).unwrap();
        let config = config_json(decoder.config(), &tiny::tokenizer()).unwrap();
        let merged =
            Decoder::from_safetensors(&config, &[&weights], &LoadOptions::default()).unwrap();
        assert_eq!(merged.config(), decoder.config());
        let apart = greatest_difference(&logits(&merged), &logits(&decoder));
        assert!(apart < 1e-4, "{architecture:?}: {apart}");
    }
}

fn gguf(decoder: &Decoder, origin: Origin<'_>, format: Format) -> Vec<u8> {
    let model = GgufModel::plan(decoder, &tiny::tokenizer(), origin, format).unwrap();
    let mut bytes = Vec::new();
    model.write(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, model.file_bytes());
    bytes
}

#[test]
fn a_gguf_file_holds_the_same_tensors() {
    for architecture in ARCHITECTURES {
        let decoder = adapted(architecture);
        for format in [Format::F16, Format::Q8_0, Format::Q4_1, Format::Q4_0] {
            let bytes = gguf(&decoder, Origin::Folder("tiny"), format);
            let file = Gguf::parse(&bytes).unwrap();
            for part in decoder.parts() {
                let (rows, columns) = part.shape(decoder.config());
                let matrix = file.matrix(&part.gguf_name(), rows, columns).unwrap();
                let is_output = match decoder.config().tied_embeddings {
                    true => part == Part::Embedding,
                    false => part == Part::Output,
                };
                let wanted = match format {
                    _ if part.is_vector() => Format::F32,
                    _ if !columns.is_multiple_of(format.block_len()) => Format::F16,
                    Format::Q4_0 | Format::Q4_1 if is_output => Format::Q8_0,
                    other => other,
                };
                assert_eq!(matrix.format, wanted, "{part:?}");
                let values = decoder.merged_for_gguf(part).unwrap();
                assert!(
                    matrix.bytes == quantize(wanted, &values).unwrap(),
                    "{part:?}"
                );
            }
            let again = Decoder::from_gguf(&bytes, &LoadOptions::default()).unwrap();
            // Mistral's files carry the name of Llama.
            if architecture != Architecture::Mistral {
                assert_eq!(again.config(), decoder.config());
            }
            if format == Format::F16 {
                let exact = LoadOptions {
                    dequantize: true,
                    ..LoadOptions::default()
                };
                let again = Decoder::from_gguf(&bytes, &exact).unwrap();
                let apart = greatest_difference(&logits(&again), &logits(&decoder));
                assert!(apart < 0.1, "{architecture:?}: {apart}");
            }
        }
    }
}

/// A tiny decoder whose `config.json` says this besides.
fn decoder_with(architecture: Architecture, more: &Json) -> Decoder {
    let config = tiny::config(architecture);
    let weights = tiny::safetensors(&tiny::tensors(&config));
    let mut json: Json = serde_json::from_slice(&tiny::config_json(&config)).unwrap();
    let fields = json.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    let json = serde_json::to_vec(&json).unwrap();
    Decoder::from_safetensors(&json, &[&weights], &LoadOptions::default()).unwrap()
}

#[test]
fn linear_scaling_of_the_rotation_is_kept() {
    let scaling = json!({"rope_type": "linear", "factor": 4.0});
    let decoder = decoder_with(Architecture::Llama, &json!({"rope_scaling": scaling}));
    assert_eq!(decoder.config().rotation.factor, 4.0);
    let bytes = gguf(&decoder, Origin::Folder("tiny"), Format::F16);
    let again = Decoder::from_gguf(&bytes, &LoadOptions::default()).unwrap();
    assert_eq!(again.config(), decoder.config());
    let config = config_json(decoder.config(), &tiny::tokenizer()).unwrap();
    let config: Json = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["rope_scaling"], scaling);
}

#[test]
fn a_window_of_some_layers_is_refused_where_a_file_cannot_say_which() {
    let with_window_from = |layer: usize| {
        let window = json!({
            "use_sliding_window": true, "sliding_window": 4, "max_window_layers": layer,
        });
        decoder_with(Architecture::Qwen2, &window)
    };
    let some = with_window_from(1);
    let planned = GgufModel::plan(
        &some,
        &tiny::tokenizer(),
        Origin::Folder("tiny"),
        Format::F16,
    );
    let error = planned.unwrap_err().to_string();
    assert!(error.contains("of all layers"), "{error}");
    for (layer, tokens) in [(0, Some(4)), (3, None)] {
        let bytes = gguf(
            &with_window_from(layer),
            Origin::Folder("tiny"),
            Format::F16,
        );
        let again = Decoder::from_gguf(&bytes, &LoadOptions::default()).unwrap();
        let window = again.config().window.as_ref();
        assert_eq!(window.map(|window| window.tokens), tokens);
    }
}

#[test]
fn a_file_that_needs_no_change_is_written_as_it_is() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    for format in [Format::Q4_0, Format::Q4_1, Format::Q8_0, Format::F16] {
        let bytes = gguf(&decoder, Origin::Folder("tiny"), format);
        let file = Gguf::parse(&bytes).unwrap();
        let again = Decoder::from_gguf(&bytes, &LoadOptions::default()).unwrap();
        assert!(
            gguf(&again, Origin::File(&file), format) == bytes,
            "{format:?}"
        );
    }
}

#[test]
fn metadata_of_another_file_is_carried_over() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let bytes = gguf(&decoder, Origin::Folder("tiny"), Format::Q8_0);
    let file = Gguf::parse(&bytes).unwrap();
    let loaded = Decoder::from_gguf(&bytes, &LoadOptions::default()).unwrap();
    let other = gguf(&loaded, Origin::File(&file), Format::Q4_0);
    let other = Gguf::parse(&other).unwrap();
    for (key, _) in file
        .entries()
        .filter(|(key, _)| *key != "general.file_type")
    {
        assert_eq!(other.get(key), file.get(key), "{key}");
    }
    assert_eq!(other.get("general.file_type"), Some(&Value::Unsigned(2)));
}

#[test]
fn rows_that_are_no_whole_blocks_stay_in_16_bits() {
    let config = model::Config {
        hidden: 48,
        intermediate: 64,
        head_dim: 12,
        ..tiny::config(Architecture::Llama)
    };
    let weights = tiny::safetensors(&tiny::tensors(&config));
    let mut json: Json = serde_json::from_slice(&tiny::config_json(&config)).unwrap();
    json["head_dim"] = json!(config.head_dim);
    let json = serde_json::to_vec(&json).unwrap();
    let decoder = Decoder::from_safetensors(&json, &[&weights], &LoadOptions::default()).unwrap();
    let bytes = gguf(&decoder, Origin::Folder("tiny"), Format::Q4_0);
    let file = Gguf::parse(&bytes).unwrap();
    let format = |name: &str, rows, columns| file.matrix(name, rows, columns).unwrap().format;
    assert_eq!(format("blk.0.ffn_up.weight", 64, 48), Format::F16);
    assert_eq!(format("blk.0.ffn_down.weight", 48, 64), Format::Q4_0);
    assert_eq!(format("token_embd.weight", tiny::VOCAB, 48), Format::F16);
}

const TEMPLATE: &str =
    "{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}";

fn with_marks() -> Tokenizer {
    let document = tiny_document();
    let config = json!({
        "bos_token": "<|im_start|>", "eos_token": {"content": "<|im_end|>"}, "pad_token": "<|pad|>",
        "chat_template": TEMPLATE,
    });
    let bytes = |json: &Json| serde_json::to_vec(json).unwrap();
    Tokenizer::from_json(&bytes(&document), Some(&bytes(&config))).unwrap()
}

fn tiny_document() -> Json {
    let (document, _) = tiny::tokenizer().to_files(256).unwrap();
    serde_json::from_slice(&document).unwrap()
}

#[test]
fn a_tokenizer_goes_to_gguf_and_back() {
    let tokenizer = with_marks();
    let decoder = tiny::decoder(Architecture::Llama, false);
    let planned = GgufModel::plan(&decoder, &tokenizer, Origin::Folder("tiny"), Format::F16);
    let mut bytes = Vec::new();
    planned.unwrap().write(&mut bytes).unwrap();
    let of_gguf = Tokenizer::from_gguf(&bytes).unwrap();
    let (document, config) = of_gguf.to_files(256).unwrap();
    let of_files = Tokenizer::from_json(&document, Some(&config)).unwrap();
    let messages = [model::Message::new("user", "Which é?")];
    for other in [&of_gguf, &of_files] {
        let marks = other.marks();
        assert_eq!(
            (marks.first, marks.last, marks.padding),
            (Some(256), Some(258), Some(257))
        );
        assert_eq!(other.end_tokens(), tokenizer.end_tokens());
        assert_eq!(other.chat_template(), Some(TEMPLATE));
        for text in ["", "ab é 北 12", "<|im_start|>x<|im_end|>"] {
            assert_eq!(
                other.encode(text, true).unwrap(),
                tokenizer.encode(text, true).unwrap()
            );
        }
        assert_eq!(
            other.chat_tokens(&messages, true).unwrap(),
            tokenizer.chat_tokens(&messages, true).unwrap()
        );
    }
    let generation: Json =
        serde_json::from_slice(&generation_config_json(&of_gguf).unwrap()).unwrap();
    assert_eq!(generation["eos_token_id"], json!([258]));
}

#[test]
fn a_tokenizer_that_gguf_has_no_name_for_is_refused() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let refused = |change: &dyn Fn(&mut Json)| {
        let mut document = tiny_document();
        change(&mut document);
        let bytes = serde_json::to_vec(&document).unwrap();
        let tokenizer = Tokenizer::from_json(&bytes, None).unwrap();
        let planned = GgufModel::plan(&decoder, &tokenizer, Origin::Folder("tiny"), Format::F16);
        planned.unwrap_err().to_string()
    };
    let error = refused(&|document| document["decoder"] = json!({"type": "Fuse"}));
    assert!(error.contains("byte-level"), "{error}");
    let error = refused(&|document| {
        document["pre_tokenizer"] = json!({"type": "Whitespace"});
    });
    assert!(error.contains("pre_tokenizer"), "{error}");
}
