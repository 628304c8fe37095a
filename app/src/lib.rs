//! The pages: Leptos components, islands and charts. No input or output, never candle.
//!
//! The server calls [`render`] (feature `ssr`); the browser loads the same crate as WebAssembly
//! (feature `browser`), where only the islands come to life.
//!
//! | to | see |
//! |---|---|
//! | add or change a page | [`page::Page`], [`view`] for what it shows, `pages/` for how |
//! | change an address | [`link`] |
//! | draw | [`chart`] |
//! | move something in the browser | `island/` for what the server draws, `browser/` for what moves it |

// The views of whole pages are deep types.
#![recursion_limit = "256"]

#[cfg(feature = "browser")]
pub mod browser;
pub mod choice;
#[cfg(feature = "ssr")]
mod document;
#[cfg(feature = "ssr")]
pub mod drawn;
#[cfg(feature = "ssr")]
mod island;
pub mod link;
pub mod page;
#[cfg(feature = "ssr")]
mod pages;
mod progress;
pub mod regroup;
pub mod view;

pub use ::chart;
pub use ::chart::format;
pub use page::{Page, RenderContext};

/// The whole HTML document of a page, beginning with `<!DOCTYPE html>`.
#[cfg(feature = "ssr")]
pub fn render(page: Page, context: RenderContext) -> String {
    use leptos::prelude::Owner;

    let owner = Owner::new();
    let document = owner.with(|| {
        let frame = match page {
            Page::Runs(page) => pages::runs::frame(*page),
            Page::Run(detail) => pages::run::frame(*detail, &context.path),
            Page::Answers(list) => pages::answers::frame(list),
            Page::Question(detail) => pages::question::frame(*detail),
            Page::Api(reference) => pages::api::frame(*reference),
            Page::Compare(comparison) => pages::compare::frame(*comparison),
            Page::Tables(tables) => pages::tables::frame(*tables, &context),
            Page::Jobs(queue) => pages::jobs::queue::frame(queue),
            Page::NewJob(form) => pages::jobs::new::frame(*form),
            Page::Job(shown) => pages::jobs::job::frame(*shown, &context.nonce),
            Page::Problem(problem) => pages::problem::frame(problem),
            Page::YourFile => pages::your_file::frame(&context),
            Page::Demo(demo) => pages::demo::frame(*demo, &context),
        };
        document::document(frame, &context)
    });
    owner.cleanup();
    document
}

/// The one stylesheet, served at `/assets/style.css`.
pub fn stylesheet() -> &'static str {
    concat!(
        include_str!("../../style/tokens.css"),
        include_str!("../../style/base.css"),
        include_str!("../../style/frame.css"),
        include_str!("../../style/tables.css"),
        include_str!("../../style/charts.css"),
        include_str!("../../style/pages.css"),
        include_str!("../../style/api.css"),
        include_str!("../../style/runs.css"),
        include_str!("../../style/run.css"),
        include_str!("../../style/compare.css"),
        include_str!("../../style/question.css"),
        include_str!("../../style/jobs.css"),
        include_str!("../../style/your-file.css"),
        include_str!("../../style/demo.css"),
        include_str!("../../style/print.css"),
    )
}
