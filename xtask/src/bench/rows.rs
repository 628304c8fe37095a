//! The rows of the bench: what is done, by whom, and what is aimed at.

use std::fmt;

/// Threads of either side, where a row says nothing else.
pub const THREADS: usize = 2;
/// Of the peers' processes: no look at the network once they are installed.
pub const PEER_VARIABLES: [(&str, &str); 3] = [
    ("HF_HUB_OFFLINE", "1"),
    ("TOKENIZERS_PARALLELISM", "false"),
    ("PYTHONWARNINGS", "ignore"),
];

/// Python packages that are installed together.
#[derive(Clone, Copy)]
pub struct Packages {
    pub name: &'static str,
    pub packages: &'static [&'static str],
    /// Variables of the installation.
    pub variables: &'static [(&'static str, &'static str)],
}

/// Built from its source with the flags of this machine's processor.
const LLAMA_CPP: Packages = Packages {
    name: "llama.cpp",
    packages: &["llama-cpp-python==0.3.36"],
    variables: &[("CMAKE_ARGS", "-DGGML_NATIVE=on")],
};
const TORCH: Packages = Packages {
    name: "torch",
    packages: &[
        "torch==2.15.0",
        "transformers==5.24.0",
        "peft==0.21.2",
        "gguf",
    ],
    variables: &[],
};
const TRL: Packages = Packages {
    name: "trl",
    packages: &["torch==2.15.0", "trl==1.16.0", "peft==0.21.2", "gguf"],
    variables: &[],
};
const SENTENCE_TRANSFORMERS: Packages = Packages {
    name: "sentence-transformers",
    packages: &["torch==2.15.0", "sentence-transformers==6.2.0"],
    variables: &[],
};
const MEASURES: Packages = Packages {
    name: "measures",
    packages: &["torch==2.15.0", "torchmetrics==1.9.0", "netcal==1.4.0"],
    variables: &[],
};

/// A program that does the same work, in its variants.
#[derive(Clone, Copy)]
pub struct Peer {
    pub name: &'static str,
    /// In `xtask/peers/`.
    pub script: &'static str,
    pub variants: &'static [&'static str],
    pub packages: &'static Packages,
}

/// llama.cpp in its fastest format.
pub const LLAMA_BEST: Peer = Peer {
    name: "llama.cpp",
    script: "llama.py",
    variants: &["q4_0", "q4_1", "q8_0"],
    packages: &LLAMA_CPP,
};
/// llama.cpp on the shipped file.
pub const LLAMA_SHIPPED: Peer = Peer {
    variants: &["q4_1"],
    ..LLAMA_BEST
};
const TRANSFORMERS: Peer = Peer {
    name: "transformers",
    script: "transformers_peer.py",
    variants: &["f32", "bf16"],
    packages: &TORCH,
};

/// PEFT on torch.
pub const PEFT: Peer = Peer {
    name: "PEFT",
    ..TRANSFORMERS
};

/// What a row's value is set against.
#[derive(Clone, Copy)]
pub enum Against {
    /// Programs that do the same, in their variants: the best of all.
    Peers(&'static [Peer]),
    /// The same work by ourselves on one thread.
    OneThread,
    /// Peak memory, ours and the peer's, in the row of this name, which stands before this one.
    MemoryOf(&'static str),
    /// Our peak memory, against so many MB.
    Memory(f64),
    /// A figure of the pages and their server, against so much.
    Limit(Measured, f64),
    /// Seconds in Chromium from the choice of a file of [`Work::Measures`] to its figures with intervals,
    /// against so many.
    Browser(f64),
    /// The demo's worker beside wllama, both in Chromium.
    Wllama(BrowserWork),
    /// The share of our greedy answers that are this program's too, in its first variant, against all
    /// of them; its other variants are set beside it as well.
    Answers(Peer),
}

/// What is measured of the pages and their server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Milliseconds within which 99 of 100 Run pages are there, under load.
    ServerTime,
    /// Resident memory of the server at the end of the load, in MB; the limit is so many times that after
    /// a tenth of it.
    ServerMemory,
    /// Milliseconds until a Run page shows something, on a slow phone and line.
    FirstPaint,
    /// kB of script and WebAssembly that a Run page loads, compressed.
    Bundle,
    /// Milliseconds within which 99 of 100 ratings are acknowledged.
    SubmitTime,
}

/// What the demo's worker is measured at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserWork {
    /// New tokens after a short prompt.
    Decode,
    /// A long prompt.
    Prefill,
}

/// What a row's inputs are.
#[derive(Clone, Copy)]
pub enum Work {
    /// A model, prompts and texts.
    Model,
    /// 1,000,000 rows of confidence and correctness.
    Measures,
    /// 1,000 of them.
    Start,
}

/// The ratio, ours by the peer's, that is aimed at.
#[derive(Clone, Copy)]
pub enum Target {
    /// The row's value is a rate.
    AtLeast(f64),
    /// The row's value is a cost.
    AtMost(f64),
}

impl Target {
    pub fn is_met(self, ratio: f64) -> bool {
        match self {
            Target::AtLeast(target) => ratio >= target,
            Target::AtMost(target) => ratio <= target,
        }
    }

    /// Whether a value is better than another.
    pub fn is_better(self, value: f64, other: f64) -> bool {
        match self {
            Target::AtLeast(_) => value > other,
            Target::AtMost(_) => value < other,
        }
    }
}

impl Row {
    /// Whether a name on the command line means this row: its own, or the first part of it, where one
    /// measurement gives several rows.
    pub fn is_named(&self, name: &str) -> bool {
        let several = matches!(self.against, Against::Limit(..) | Against::Wllama(_));
        let rest = self.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || (several && rest.starts_with('-')))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::AtLeast(target) => write!(f, ">= {target:?}"),
            Target::AtMost(target) => write!(f, "<= {target:?}"),
        }
    }
}

#[derive(Clone, Copy)]
pub struct Row {
    pub name: &'static str,
    /// What is done, in words.
    pub work: &'static str,
    /// What the sides call it.
    pub side: &'static str,
    pub inputs: Work,
    pub against: Against,
    pub threads: usize,
    pub unit: &'static str,
    pub target: Target,
    /// How far the numbers of the sides' checks may lie apart.
    pub tolerance: f64,
    /// Whether `--quick` runs it.
    pub quick: bool,
}

/// Mean log-probability of the gold answers, between formats of 4 and 8 bits. Requantized to Q4_0, the
/// shipped file loses .43: a peer may be faster for it, so it counts.
pub const FORMATS_APART: f64 = 0.5;

const DEFAULT: Row = Row {
    name: "",
    work: "",
    side: "",
    inputs: Work::Model,
    against: Against::Peers(&[LLAMA_BEST]),
    threads: THREADS,
    unit: "tokens/s",
    target: Target::AtLeast(1.0),
    tolerance: FORMATS_APART,
    quick: false,
};

const DECODE: Row = Row {
    name: "decode-1",
    work: "one stream: 128 new tokens after a prompt of 32",
    side: "decode-1",
    target: Target::AtLeast(1.2),
    quick: true,
    ..DEFAULT
};
const SAMPLE: Row = Row {
    name: "sample-50",
    work: "50 samples of one prompt of 64 tokens, 64 new tokens each, at temperature 1",
    side: "sample-50",
    target: Target::AtLeast(1.5),
    quick: true,
    ..DEFAULT
};
const LORA_SMALL: Row = Row {
    name: "lora-4x256",
    work: "one optimizer step on 4 texts of 256 tokens, LoRA of rank 64 on seven projections",
    side: "lora-4x256",
    against: Against::Peers(&[PEFT]),
    unit: "s",
    target: Target::AtMost(0.67),
    tolerance: 0.05,
    ..DEFAULT
};
const LORA_LARGE: Row = Row {
    name: "lora-8x400",
    work: "one optimizer step on 8 texts of 400 tokens, LoRA of rank 64 on seven projections",
    side: "lora-8x400",
    ..LORA_SMALL
};

const BROWSER_DECODE: Row = Row {
    name: "browser-decode",
    work: "in Chromium: the demo's worker writes 128 tokens, beside wllama in its best format and mode",
    against: Against::Wllama(BrowserWork::Decode),
    threads: 1,
    target: Target::AtLeast(4.0),
    ..DEFAULT
};

const SERVER: Row = Row {
    name: "server",
    work: "500 Run pages a second with 200 watchers: 99 of 100 within 100 ms of when they were due",
    against: Against::Limit(Measured::ServerTime, 100.0),
    unit: "ms",
    target: Target::AtMost(1.0),
    ..DEFAULT
};
const PAGE: Row = Row {
    name: "page",
    work: "first contentful paint of a Run page at 4x CPU slowdown and Fast 3G, beside 1 s; nothing moves after",
    against: Against::Limit(Measured::FirstPaint, 1_000.0),
    unit: "ms",
    target: Target::AtMost(1.0),
    ..DEFAULT
};

pub const ROWS: &[Row] = &[
    Row {
        name: "gold-perplexity",
        work: "perplexity of 400 shipped gold answers after three examples, beside the same file",
        side: "gold-perplexity",
        against: Against::Peers(&[LLAMA_SHIPPED]),
        unit: "perplexity",
        target: Target::AtMost(1.0),
        ..DEFAULT
    },
    Row {
        name: "greedy-answers",
        work: "share of 200 questions, after three examples, with the same first 8 tokens as llama.cpp on the shipped file",
        side: "greedy",
        against: Against::Answers(Peer {
            variants: &["q4_1", "q4_1-parts"],
            ..LLAMA_BEST
        }),
        unit: "of the questions",
        target: Target::AtLeast(0.95),
        ..DEFAULT
    },
    DECODE,
    Row {
        name: "decode-1-one-thread",
        work: "the same, both on one thread",
        threads: 1,
        target: Target::AtLeast(1.0),
        quick: false,
        ..DECODE
    },
    SAMPLE,
    Row {
        name: "sample-50-one-thread",
        work: "the same, both on one thread",
        threads: 1,
        target: Target::AtLeast(1.0),
        quick: false,
        ..SAMPLE
    },
    Row {
        name: "sample-50-threads",
        work: "the same, our two threads beside one",
        against: Against::OneThread,
        target: Target::AtLeast(1.8),
        quick: false,
        ..SAMPLE
    },
    Row {
        name: "sample-50-q4_1",
        work: "the same beside llama.cpp on the shipped file",
        side: "sample-50",
        against: Against::Peers(&[LLAMA_SHIPPED]),
        target: Target::AtLeast(4.0),
        tolerance: 0.02,
        ..DEFAULT
    },
    Row {
        name: "sample-50-torch",
        work: "the same beside transformers with its KV cache",
        side: "sample-50",
        against: Against::Peers(&[TRANSFORMERS]),
        target: Target::AtLeast(5.0),
        tolerance: 0.05,
        ..DEFAULT
    },
    Row {
        name: "sample-many",
        work: "200 world-facts questions, 10 samples each, to the end of the line",
        side: "sample-many",
        unit: "answers/s",
        target: Target::AtLeast(1.5),
        ..DEFAULT
    },
    Row {
        name: "sample-100x512-memory",
        work: "peak resident memory of 100 samples of 512 tokens, beside 1.5 GB",
        side: "sample-100x512",
        against: Against::Memory(1_500.0),
        unit: "MB",
        target: Target::AtMost(1.0),
        ..DEFAULT
    },
    Row {
        name: "prefill-512",
        work: "one prompt of 512 tokens",
        side: "prefill-512",
        against: Against::Peers(&[LLAMA_BEST, TRANSFORMERS]),
        target: Target::AtLeast(1.3),
        quick: true,
        ..DEFAULT
    },
    Row {
        name: "score",
        work: "log-probabilities of 200 texts of 20 to 400 tokens",
        side: "score",
        against: Against::Peers(&[TRANSFORMERS]),
        target: Target::AtLeast(2.0),
        tolerance: 0.05,
        ..DEFAULT
    },
    LORA_SMALL,
    Row {
        name: "lora-4x256-memory",
        work: "peak resident memory of that process",
        against: Against::MemoryOf("lora-4x256"),
        unit: "MB",
        target: Target::AtMost(0.35),
        ..LORA_SMALL
    },
    Row {
        name: "lora-4x256-threads",
        work: "the same step, our two threads beside one",
        against: Against::OneThread,
        target: Target::AtMost(0.56),
        ..LORA_SMALL
    },
    LORA_LARGE,
    Row {
        name: "lora-8x400-memory",
        work: "peak resident memory of that process",
        against: Against::MemoryOf("lora-8x400"),
        unit: "MB",
        target: Target::AtMost(0.35),
        ..LORA_LARGE
    },
    Row {
        name: "rloo-step",
        work: "8 questions, 8 samples of 48 tokens each: sampled, rewarded, one update",
        side: "rloo-step",
        against: Against::Peers(&[Peer {
            name: "TRL",
            script: "trl_peer.py",
            packages: &TRL,
            ..TRANSFORMERS
        }]),
        unit: "s",
        target: Target::AtMost(0.4),
        tolerance: 0.05,
        ..DEFAULT
    },
    Row {
        name: "embed",
        work: "5,000 short responses by MiniLM",
        side: "embed",
        against: Against::Peers(&[Peer {
            name: "sentence-transformers",
            script: "embed_peer.py",
            packages: &SENTENCE_TRANSFORMERS,
            ..TRANSFORMERS
        }]),
        unit: "texts/s",
        target: Target::AtLeast(1.0),
        tolerance: 0.01,
        ..DEFAULT
    },
    Row {
        name: "measures",
        work: "1,000,000 rows: all measures with 1,000 bootstraps, beside the peers' without",
        side: "measures",
        inputs: Work::Measures,
        against: Against::Peers(&[Peer {
            name: "torchmetrics + netcal",
            script: "measures_peer.py",
            variants: &["-"],
            packages: &MEASURES,
        }]),
        unit: "s",
        target: Target::AtMost(1.0),
        tolerance: 1e-4,
        ..DEFAULT
    },
    Row {
        name: "your-file",
        work: "1,000,000 rows of CSV on the Your file page in Chromium: from the choice of the file to all measures with intervals, beside 5 s",
        side: "your-file",
        inputs: Work::Measures,
        against: Against::Browser(5.0),
        threads: 1,
        unit: "s",
        target: Target::AtMost(1.0),
        ..DEFAULT
    },
    Row {
        name: "start",
        work: "`sayself metrics` on 1,000 rows, beside `python -c \"import torch, transformers\"`",
        side: "start",
        inputs: Work::Start,
        against: Against::Peers(&[Peer {
            name: "python",
            script: "start_peer.py",
            variants: &["-"],
            packages: &TORCH,
        }]),
        unit: "s",
        target: Target::AtMost(0.02),
        ..DEFAULT
    },
    BROWSER_DECODE,
    Row {
        name: "browser-prefill",
        work: "in Chromium: the demo's worker reads a prompt of 512 tokens, beside wllama in its best format and mode",
        against: Against::Wllama(BrowserWork::Prefill),
        ..BROWSER_DECODE
    },
    SERVER,
    Row {
        name: "server-memory",
        work: "the server's resident memory at the end of that, beside a tenth into it",
        against: Against::Limit(Measured::ServerMemory, 1.0),
        unit: "MB",
        target: Target::AtMost(1.1),
        ..SERVER
    },
    Row {
        name: "annotate",
        work: "50 people who rate at once: 99 of 100 ratings are on the disk and acknowledged within 100 ms",
        against: Against::Limit(Measured::SubmitTime, 100.0),
        unit: "ms",
        target: Target::AtMost(1.0),
        ..DEFAULT
    },
    PAGE,
    Row {
        name: "page-bytes",
        work: "script and WebAssembly of a Run page, compressed by brotli, beside 100 kB",
        against: Against::Limit(Measured::Bundle, 100.0),
        unit: "kB",
        ..PAGE
    },
];
