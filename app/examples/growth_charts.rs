//! Draws what `cargo xtask bench --growth FOLDER` measured: `FOLDER/NAME.svg` for each entry of
//! `FOLDER/growth.json`.

use app::chart::growth::{Growth, svg};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Measured {
    axes: BTreeMap<String, Growth>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or("expected a folder with growth.json")?;
    let measured: Measured = serde_json::from_slice(&std::fs::read(folder.join("growth.json"))?)?;
    for (name, growth) in &measured.axes {
        let path = folder.join(name).with_extension("svg");
        std::fs::write(&path, svg(growth, name) + "\n")?;
        println!("{}", path.display());
    }
    Ok(())
}
