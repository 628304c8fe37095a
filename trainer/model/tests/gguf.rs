//! GGUF files: what is read is what was written, and damaged files give errors.

#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

mod tiny;

use model::gguf::Gguf;
use model::{Architecture, Config, Decoder, LoadOptions, Segments, Tokenizer};
use proptest::prelude::*;
use tiny::gguf::{Meta, write};

/// llama.cpp's order of the rows of q and k: pairs that rotate together side by side.
fn interleave(rows: usize, head_dim: usize, values: &[f32]) -> Vec<f32> {
    let width = values.len() / rows;
    (0..rows)
        .flat_map(|row| {
            let (head, within) = (row / head_dim, row % head_dim);
            let from = head * head_dim + within % 2 * (head_dim / 2) + within / 2;
            values[from * width..][..width].to_vec()
        })
        .collect()
}

fn model_file(config: &Config) -> Vec<u8> {
    let name = match config.architecture {
        Architecture::Llama | Architecture::Mistral => "llama",
        Architecture::Qwen2 => "qwen2",
        Architecture::Gemma3 => "gemma3",
    };
    let key = |suffix: &str| format!("{name}.{suffix}");
    let integer = |suffix: &str, value: usize| (key(suffix), Meta::U32(value as u32));
    let mut metadata = vec![
        ("general.architecture".to_owned(), Meta::Text(name)),
        integer("embedding_length", config.hidden),
        integer("feed_forward_length", config.intermediate),
        integer("block_count", config.layers),
        integer("attention.head_count", config.heads),
        integer("attention.head_count_kv", config.kv_heads),
        integer("context_length", config.context),
        integer("vocab_size", config.vocab),
        (key("rope.freq_base"), Meta::F32(config.rotation.theta)),
        (
            key("attention.layer_norm_rms_epsilon"),
            Meta::F32(config.rms_eps),
        ),
    ];
    let is_gemma = config.architecture == Architecture::Gemma3;
    if let Some(window) = &config.window {
        metadata.extend([
            integer("attention.key_length", config.head_dim),
            integer("attention.sliding_window", window.tokens),
            integer("attention.sliding_window_pattern", tiny::GLOBAL_EVERY),
            (key("attention.scale"), Meta::F32(config.attention_scale)),
            (key("rope.scaling.type"), Meta::Text("linear")),
            (
                key("rope.scaling.factor"),
                Meta::F32(config.rotation.factor),
            ),
        ]);
    }
    let of_family = match is_gemma {
        true => [
            ("post_attention_layernorm", "post_attention_norm"),
            ("pre_feedforward_layernorm", "ffn_norm"),
            ("post_feedforward_layernorm", "post_ffw_norm"),
            ("self_attn.q_norm", "attn_q_norm"),
            ("self_attn.k_norm", "attn_k_norm"),
        ]
        .as_slice(),
        false => &[("post_attention_layernorm", "ffn_norm")],
    };
    let names = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("model.layers", "blk"),
        ("input_layernorm", "attn_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];
    let tensors: Vec<_> = tiny::tensors(config)
        .into_iter()
        .map(|(name, (shape, values))| {
            let rotated = name.contains("q_proj") || name.contains("k_proj");
            let values = match name.ends_with("norm.weight") {
                // Gemma's norms come here with one added.
                true if is_gemma => values.iter().map(|value| value + 1.0).collect(),
                false if rotated && matches!(config.architecture, Architecture::Llama) => {
                    interleave(shape[0], config.head_dim, &values)
                }
                _ => values,
            };
            let name = of_family
                .iter()
                .chain(&names)
                .fold(name, |name, (from, to)| name.replace(from, to));
            (name, shape, values)
        })
        .collect();
    write(&metadata, &tensors)
}

fn logits(decoder: &Decoder) -> Vec<f32> {
    let tokens = [1, 2, 3, 200, 5];
    let x = decoder.embed(&tokens).unwrap();
    let x = decoder
        .layers(&x, &Segments::single(&tokens), 0..decoder.config().layers)
        .unwrap();
    decoder
        .logits(&x)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap()
}

#[test]
fn a_gguf_file_and_a_folder_give_the_same_logits() {
    for architecture in [
        Architecture::Llama,
        Architecture::Qwen2,
        Architecture::Gemma3,
    ] {
        let config = tiny::config(architecture);
        let options = LoadOptions {
            dequantize: true,
            ..LoadOptions::default()
        };
        let decoder = Decoder::from_gguf(&model_file(&config), &options).unwrap();
        assert_eq!(decoder.config(), &config);
        assert_eq!(
            logits(&decoder),
            logits(&tiny::decoder(architecture, false))
        );
    }
}

#[test]
fn damaged_files_say_where() {
    let file = model_file(&tiny::config(Architecture::Llama));
    let load = |bytes: &[u8]| {
        Decoder::from_gguf(bytes, &LoadOptions::default())
            .unwrap_err()
            .to_string()
    };
    assert!(load(b"").contains("byte 0"));
    assert!(load(b"PK\x03\x04 and so on").contains("magic"));
    assert!(load(&file[..file.len() - 40]).contains("before the end of the file"));
    assert!(load(&file[..300]).contains("GGUF"));
    let mut huge = file.clone();
    huge[8..16].fill(0xff);
    assert!(load(&huge).contains("at most"));
    let mut version = file;
    version[4] = 9;
    assert!(load(&version).contains("version"));
}

/// Says that a vector lies so far into the data.
fn move_vector(file: &mut [u8], name: &str, offset: u64) {
    let name_at = file
        .windows(name.len())
        .position(|text| text == name.as_bytes());
    // After the name: the number of axes, one size, the type.
    let at = name_at.unwrap() + name.len() + 4 + 8 + 4;
    file[at..at + 8].copy_from_slice(&offset.to_le_bytes());
}

fn read_vector(file: &[u8], name: &str) -> Result<(), String> {
    let vector = Gguf::parse(file).and_then(|file| file.matrix(name, 1, 32).map(|_| ()));
    vector.map_err(|error| error.to_string())
}

#[test]
fn tensors_do_not_lie_over_each_other() {
    let vectors = ["first", "second"].map(|name| (name.to_owned(), vec![32], vec![1.0; 32]));
    let mut file = write(&[], &vectors);
    move_vector(&mut file, "first", 128);
    move_vector(&mut file, "second", 0);
    assert_eq!(read_vector(&file, "first"), Ok(()));
    assert_eq!(read_vector(&file, "second"), Ok(()));
    move_vector(&mut file, "first", 64);
    assert_eq!(read_vector(&file, "first"), Ok(()));
    let error = read_vector(&file, "second").unwrap_err();
    assert!(error.contains("the next tensor"), "{error}");
    move_vector(&mut file, "first", 0);
    let error = read_vector(&file, "second").unwrap_err();
    assert!(error.contains("one tensor"), "{error}");
}

fn vocabulary(texts: &[&str]) -> Vec<String> {
    let bytes = tiny::byte_characters().into_iter().map(String::from);
    bytes
        .chain(texts.iter().map(|text| (*text).to_owned()))
        .collect()
}

fn byte_level(pre: &'static str) -> Tokenizer {
    let merged = ["12", "123", "ab", "<|im_end|>"];
    let mut kinds = vec![1; 256 + merged.len()];
    kinds[259] = 3;
    let metadata = [
        ("tokenizer.ggml.model".to_owned(), Meta::Text("gpt2")),
        ("tokenizer.ggml.pre".to_owned(), Meta::Text(pre)),
        (
            "tokenizer.ggml.tokens".to_owned(),
            Meta::Texts(vocabulary(&merged)),
        ),
        ("tokenizer.ggml.token_type".to_owned(), Meta::Ints(kinds)),
        (
            "tokenizer.ggml.merges".to_owned(),
            Meta::Texts(vec!["1 2".into(), "12 3".into(), "a b".into()]),
        ),
        ("tokenizer.ggml.eos_token_id".to_owned(), Meta::U32(259)),
    ];
    Tokenizer::from_gguf(&write(&metadata, &[])).unwrap()
}

#[test]
fn words_are_split_as_the_file_says() {
    let pieces = |pre| {
        let tokenizer = byte_level(pre);
        assert_eq!(tokenizer.end_tokens(), [259]);
        let ids = tokenizer.encode("ab 1231<|im_end|>", false).unwrap();
        assert_eq!(tokenizer.decode(&ids), "ab 1231");
        assert_eq!(tokenizer.decode_with_special(&ids), "ab 1231<|im_end|>");
        ids.into_iter()
            .map(|id| tokenizer.token_str(id).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        pieces("smollm"),
        ["ab", "Ġ", "1", "2", "3", "1", "<|im_end|>"]
    );
    assert_eq!(
        pieces("qwen2"),
        ["ab", "Ġ", "1", "2", "3", "1", "<|im_end|>"]
    );
    assert_eq!(pieces("llama-bpe"), ["ab", "Ġ", "123", "1", "<|im_end|>"]);
    assert_eq!(pieces("gpt-2"), ["ab", "Ġ", "123", "1", "<|im_end|>"]);
}

/// A tokenizer of SentencePiece and its tokens; that of byte `b` is 12 + `b`.
fn sentence_pieces() -> (Tokenizer, Vec<String>) {
    let texts = [
        "<unk>", "<s>", "</s>", "▁", "a", "b", "c", "ab", "bc", "abc", "▁a", "▁abc",
    ];
    let mut tokens: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    tokens.extend((0..256).map(|byte| format!("<0x{byte:02X}>")));
    // "bc" beats "ab", so "abc" comes of a + bc.
    let scores = [0., 0., 0., -9., -9., -9., -9., -3., -2., -4., -5., -6.];
    let scores = scores.iter().copied().chain([0.0; 256]).collect();
    let kinds = (0..tokens.len()).map(|id| {
        if id == 0 {
            2
        } else if id < 3 {
            3
        } else if id < 12 {
            1
        } else {
            6
        }
    });
    let metadata = [
        ("tokenizer.ggml.model".to_owned(), Meta::Text("llama")),
        (
            "tokenizer.ggml.tokens".to_owned(),
            Meta::Texts(tokens.clone()),
        ),
        ("tokenizer.ggml.scores".to_owned(), Meta::Floats(scores)),
        (
            "tokenizer.ggml.token_type".to_owned(),
            Meta::Ints(kinds.collect()),
        ),
        ("tokenizer.ggml.bos_token_id".to_owned(), Meta::U32(1)),
        ("tokenizer.ggml.eos_token_id".to_owned(), Meta::U32(2)),
        ("tokenizer.ggml.unknown_token_id".to_owned(), Meta::I32(-1)),
        ("tokenizer.ggml.padding_token_id".to_owned(), Meta::I32(-1)),
        ("tokenizer.ggml.add_bos_token".to_owned(), Meta::Bool(true)),
    ];
    let tokenizer = Tokenizer::from_gguf(&write(&metadata, &[])).unwrap();
    (tokenizer, tokens)
}

#[test]
fn sentence_pieces_join_by_score() {
    let (tokenizer, tokens) = sentence_pieces();
    let marks = tokenizer.marks();
    assert_eq!((marks.first, marks.last), (Some(1), Some(2)));
    assert_eq!((marks.unknown, marks.padding), (None, None));
    let pieces = |text: &str, special| {
        let ids = tokenizer.encode(text, special).unwrap();
        assert_eq!(tokenizer.decode(&ids), text);
        ids.iter()
            .map(|&id| tokens[id as usize].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(pieces("abc a", true), ["<s>", "▁abc", "▁a"]);
    assert_eq!(pieces("cé", false), ["▁", "c", "<0xC3>", "<0xA9>"]);
    assert_eq!(tokenizer.end_tokens(), [2]);
    let mut stream = tokenizer.stream();
    let ids = tokenizer.encode("ab é b", false).unwrap();
    let parts: String = ids.iter().map(|&id| stream.push(id).to_owned()).collect();
    assert_eq!((parts.as_str(), stream.text()), ("ab é b", "ab é b"));
}

#[test]
fn bytes_that_make_no_character_do_not_end_a_stream() {
    let (tokenizer, _) = sentence_pieces();
    let mut stream = tokenizer.stream();
    // "c", "é", the first byte of another character, "a", "▁a"
    let ids = [6, 12 + 0xC3, 12 + 0xA9, 12 + 0xE2, 4, 10];
    let parts = ids.map(|id| stream.push(id).to_owned());
    assert_eq!(parts, ["c", "", "é", "", "\u{FFFD}a", " a"]);
    assert_eq!(stream.text(), "cé\u{FFFD}a a");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Gguf::parse(&bytes);
        let with_magic: Vec<u8> = b"GGUF\x03\0\0\0".iter().copied().chain(bytes).collect();
        let _ = Gguf::parse(&with_magic);
        let _ = Tokenizer::from_gguf(&with_magic);
    }

    #[test]
    fn no_damage_makes_it_panic(
        at in 0usize..2_500, byte: u8, cut in 0usize..60_000, gemma: bool,
    ) {
        let architecture = if gemma { Architecture::Gemma3 } else { Architecture::Llama };
        let mut file = model_file(&tiny::config(architecture));
        file[at] = byte;
        let _ = Decoder::from_gguf(&file, &LoadOptions::default());
        file.truncate(cut);
        let _ = Decoder::from_gguf(&file, &LoadOptions::default());
    }
}
