//! Colours: named once, in `style/tokens.css`; those of charts apart from paper and from one another, for
//! every eye.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// WCAG 2.2, 1.4.11: a mark that carries meaning, beside what is next to it.
const CONTRAST_MIN: f64 = 3.0;
/// CIEDE2000: 1 is about what an eye can just tell apart when both lie side by side; ten times that is told
/// apart across a chart.
const DISTANCE_MIN: f64 = 10.0;
/// Inks of words, rules and ground; the others are those of data.
const NOT_DATA: [&str; 5] = ["--text", "--muted", "--axis", "--grid", "--paper"];

/// Red, green and blue, 0..=1, linear in light.
type Light = [f64; 3];
/// L*, a*, b*.
type Lab = [f64; 3];

/// Machado, Oliveira, Fernandes 2009, "A physiologically-based model for simulation of color vision
/// deficiency", severity 1.0: what who lacks one kind of cone sees, on linear light.
const EYES: [(&str, [[f64; 3]; 3]); 4] = [
    (
        "all cones",
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    ),
    (
        "protanopia",
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
    ),
    (
        "deuteranopia",
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ),
    (
        "tritanopia",
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn light_of_hex(hex: &str) -> Light {
    assert_eq!(hex.len(), 7, "{hex} is not #rrggbb");
    [1, 3, 5].map(|start| {
        let value = f64::from(u8::from_str_radix(&hex[start..start + 2], 16).unwrap()) / 255.0;
        // sRGB (IEC 61966-2-1).
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    })
}

/// Each token of `style/tokens.css` that is a colour, in the light and in the dark theme.
fn tokens() -> BTreeMap<String, [Light; 2]> {
    let mut tokens = BTreeMap::new();
    for line in read("style/tokens.css").lines() {
        let Some((name, value)) = line.trim().split_once(": light-dark(") else {
            continue;
        };
        let (light, dark) = value.trim_end_matches(");").split_once(", ").unwrap();
        tokens.insert(name.to_owned(), [light_of_hex(light), light_of_hex(dark)]);
    }
    assert!(tokens.len() > 10);
    tokens
}

/// The variables of the inks in the charts' palette.
fn inks() -> Vec<String> {
    let palette = read("app/chart/src/palette.rs");
    let quoted = palette.split('"').skip(1).step_by(2);
    let mut names: Vec<String> = quoted
        .filter(|text| text.starts_with("--"))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    assert!(names.len() >= 7, "{names:?}");
    names
}

/// WCAG 2.2: relative luminance.
fn luminance([red, green, blue]: Light) -> f64 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// WCAG 2.2: contrast ratio, 1..=21.
fn contrast(one: Light, other: Light) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

fn seen(eye: [[f64; 3]; 3], light: Light) -> Light {
    eye.map(|row| {
        let sum: f64 = row
            .iter()
            .zip(light)
            .map(|(weight, value)| weight * value)
            .sum();
        sum.clamp(0.0, 1.0)
    })
}

/// CIELAB under D65.
fn lab([red, green, blue]: Light) -> Lab {
    let x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047;
    let y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue;
    let z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883;
    let bend = |value: f64| {
        if value > 216.0 / 24389.0 {
            value.cbrt()
        } else {
            (24389.0 / 27.0 * value + 16.0) / 116.0
        }
    };
    let (x, y, z) = (bend(x), bend(y), bend(z));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// CIEDE2000 (Sharma, Wu, Dalal 2005, equations 2 to 22), all weights 1.
fn distance([l1, a1, b1]: Lab, [l2, a2, b2]: Lab) -> f64 {
    let mean_chroma = (a1.hypot(b1) + a2.hypot(b2)) / 2.0;
    let seventh = |chroma: f64| (chroma.powi(7) / (chroma.powi(7) + 25_f64.powi(7))).sqrt();
    let stretch = 1.0 + 0.5 * (1.0 - seventh(mean_chroma));
    let (a1, a2) = (a1 * stretch, a2 * stretch);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| match (a, b) {
        (0.0, 0.0) => 0.0,
        _ => b.atan2(a).to_degrees().rem_euclid(360.0),
    };
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let apart = if c1 * c2 == 0.0 {
        0.0
    } else {
        // -180..=180
        (h2 - h1 + 180.0).rem_euclid(360.0) - 180.0
    };
    let mean_hue = if c1 * c2 == 0.0 {
        h1 + h2
    } else if (h1 - h2).abs() <= 180.0 {
        (h1 + h2) / 2.0
    } else if h1 + h2 < 360.0 {
        (h1 + h2 + 360.0) / 2.0
    } else {
        (h1 + h2 - 360.0) / 2.0
    };
    let (mean_light, mean_c) = ((l1 + l2) / 2.0, (c1 + c2) / 2.0);
    let cosine = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cosine(mean_hue - 30.0)
        + 0.24 * cosine(2.0 * mean_hue)
        + 0.32 * cosine(3.0 * mean_hue + 6.0)
        - 0.20 * cosine(4.0 * mean_hue - 63.0);
    let turn = 30.0 * (-((mean_hue - 275.0) / 25.0).powi(2)).exp();
    let off_middle = (mean_light - 50.0).powi(2);
    let light = (l2 - l1) / (1.0 + 0.015 * off_middle / (20.0 + off_middle).sqrt());
    let chroma = (c2 - c1) / (1.0 + 0.045 * mean_c);
    let hue =
        2.0 * (c1 * c2).sqrt() * (apart / 2.0).to_radians().sin() / (1.0 + 0.015 * mean_c * t);
    let rotation = -(2.0 * turn).to_radians().sin() * 2.0 * seventh(mean_c);
    (light.powi(2) + chroma.powi(2) + hue.powi(2) + rotation * chroma * hue).sqrt()
}

#[test]
fn the_distance_is_that_of_the_published_pairs() {
    // Sharma, Wu, Dalal 2005, table 1: pairs 1, 7, 17 and 25.
    for (one, other, expected) in [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        (
            [60.2574, -34.0099, 36.2677],
            [60.4626, -34.1751, 39.4387],
            1.2644,
        ),
    ] {
        let found = distance(one, other);
        assert!(
            (found - expected).abs() < 1e-4,
            "{found}, expected {expected}"
        );
    }
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
}

#[test]
fn data_stands_out_from_the_paper() {
    let tokens = tokens();
    for name in inks() {
        if ["--grid", "--paper"].contains(&name.as_str()) {
            continue;
        }
        for (theme, word) in ["light", "dark"].iter().enumerate() {
            let found = contrast(tokens[&name][theme], tokens["--paper"][theme]);
            assert!(
                found >= CONTRAST_MIN,
                "{name} on paper, {word}: {found:.2} : 1, expected {CONTRAST_MIN} : 1"
            );
        }
    }
}

#[test]
fn words_can_be_read() {
    let tokens = tokens();
    for name in [
        "--text", "--muted", "--link", "--good", "--bad", "--before", "--after",
    ] {
        for (theme, word) in ["light", "dark"].iter().enumerate() {
            let found = contrast(tokens[name][theme], tokens["--paper"][theme]);
            assert!(
                found >= 4.5,
                "{name} on paper, {word}: {found:.2} : 1, expected 4.5 : 1"
            );
        }
    }
}

#[test]
fn data_is_told_apart_by_every_eye() {
    let tokens = tokens();
    let data: Vec<String> = inks()
        .into_iter()
        .filter(|name| !NOT_DATA.contains(&name.as_str()))
        .collect();
    assert!(data.len() >= 2, "{data:?}");
    for (eye, matrix) in EYES {
        for (theme, word) in ["light", "dark"].iter().enumerate() {
            for (index, one) in data.iter().enumerate() {
                for other in &data[..index] {
                    let of = |name: &String| lab(seen(matrix, tokens[name][theme]));
                    let found = distance(of(one), of(other));
                    assert!(
                        found >= DISTANCE_MIN,
                        "{one} and {other}, {word}, {eye}: {found:.1} apart, expected {DISTANCE_MIN}"
                    );
                }
            }
        }
    }
}

/// CSS Color 4's names.
const NAMES: &str = "aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue \
    blueviolet brown burlywood cadetblue chartreuse chocolate coral cornflowerblue cornsilk crimson cyan \
    darkblue darkcyan darkgoldenrod darkgray darkgreen darkgrey darkkhaki darkmagenta darkolivegreen \
    darkorange darkorchid darkred darksalmon darkseagreen darkslateblue darkslategray darkslategrey \
    darkturquoise darkviolet deeppink deepskyblue dimgray dimgrey dodgerblue firebrick floralwhite \
    forestgreen fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew hotpink \
    indianred indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon lightblue lightcoral \
    lightcyan lightgoldenrodyellow lightgray lightgreen lightgrey lightpink lightsalmon lightseagreen \
    lightskyblue lightslategray lightslategrey lightsteelblue lightyellow lime limegreen linen magenta \
    maroon mediumaquamarine mediumblue mediumorchid mediumpurple mediumseagreen mediumslateblue \
    mediumspringgreen mediumturquoise mediumvioletred midnightblue mintcream mistyrose moccasin navajowhite \
    navy oldlace olive olivedrab orange orangered orchid palegoldenrod palegreen paleturquoise \
    palevioletred papayawhip peachpuff peru pink plum powderblue purple rebeccapurple red rosybrown \
    royalblue saddlebrown salmon sandybrown seagreen seashell sienna silver skyblue slateblue slategray \
    slategrey snow springgreen steelblue tan teal thistle tomato turquoise violet wheat white whitesmoke \
    yellow yellowgreen";

/// The colours that a style sheet writes out, with the declaration that does.
fn literal_colours(sheet: &str) -> Vec<String> {
    let mut bare = String::new();
    let mut rest = sheet;
    while let Some((before, after)) = rest.split_once("/*") {
        bare.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    bare.push_str(rest);
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "-#_".contains(letter);
    let mut found = Vec::new();
    for declaration in bare.split(['{', '}', ';']) {
        let Some((_, value)) = declaration.split_once(':') else {
            continue;
        };
        for word in value.split(|letter| !is_word(letter)) {
            let word = word.to_ascii_lowercase();
            let is_hex = word.strip_prefix('#').is_some_and(|digits| {
                digits.len() >= 3 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            });
            let functions = [
                "rgb", "rgba", "hsl", "hsla", "hwb", "lab", "lch", "oklab", "oklch",
            ];
            let is_function = functions.contains(&word.as_str())
                && value.to_ascii_lowercase().contains(&format!("{word}("));
            if is_hex || is_function || NAMES.split_whitespace().any(|name| name == word) {
                found.push(format!("{word} in `{}`", declaration.trim()));
            }
        }
    }
    found
}

#[test]
fn colours_are_named_in_the_tokens_and_nowhere_else() {
    assert_eq!(
        literal_colours(
            "a { color: #fff; border: 1px solid Red; } /* #000 */ #id .red { margin: 0 }"
        ),
        ["#fff in `color: #fff`", "red in `border: 1px solid Red`"]
    );
    assert_eq!(literal_colours("a { background: oklch(1 0 0) }").len(), 1);
    assert!(literal_colours("a { color: var(--red); white-space: pre }").is_empty());
    let mut sheets = 0;
    for entry in std::fs::read_dir(root().join("style")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".css") || name == "tokens.css" {
            continue;
        }
        sheets += 1;
        let found = literal_colours(&std::fs::read_to_string(&path).unwrap());
        assert!(
            found.is_empty(),
            "style/{name} writes colours out: {found:#?}"
        );
    }
    assert!(sheets >= 6);
}
