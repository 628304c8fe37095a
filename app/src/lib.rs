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
#[cfg(feature = "ssr")]
mod marks;
pub mod medium;
pub mod page;
#[cfg(feature = "ssr")]
mod pages;
mod progress;
pub mod project_form;
#[cfg(feature = "ssr")]
mod raw_text;
pub mod regroup;
#[cfg(feature = "ssr")]
mod sheets;
pub mod view;

pub use ::chart;
pub use ::chart::format;
pub use medium::Medium;
pub use page::{Page, RenderContext};

/// The whole HTML document of a page, beginning with `<!DOCTYPE html>`.
#[cfg(feature = "ssr")]
pub fn render(page: Page, context: RenderContext) -> String {
    use leptos::prelude::{Owner, provide_context};

    let owner = Owner::new();
    let document = owner.with(|| {
        provide_context(context.medium);
        let frame = match page {
            Page::Runs(page) => pages::runs::frame(*page, context.viewer),
            Page::Run(detail) => pages::run::frame(*detail, &context.path),
            Page::Answers(list) => pages::answers::frame(list),
            Page::Question(detail) => pages::question::frame(*detail),
            Page::Api(reference) => pages::api::frame(*reference),
            Page::Compare(comparison) => pages::compare::frame(*comparison),
            Page::Tables(tables) => pages::tables::frame(*tables, &context),
            Page::Jobs(queue) => pages::jobs::queue::frame(queue),
            Page::NewJob(form) => pages::jobs::new::frame(*form),
            Page::Job(shown) => pages::jobs::job::frame(*shown, &context.nonce),
            Page::Annotate(home) => pages::annotate::home::frame(home, &context.nonce),
            Page::NewProject(form) => pages::annotate::new::frame(*form),
            Page::Project(project) => pages::annotate::project::frame(*project, &context.nonce),
            Page::Agreement(report) => pages::annotate::agreement::frame(*report),
            Page::Work(work) => pages::annotate::work::frame(*work, &context.nonce),
            Page::SignIn(page) => pages::people::sign_in::frame(page),
            Page::Invitation(page) => pages::people::invitation::frame(page),
            Page::Account(page) => pages::people::account::frame(*page, &context.nonce),
            Page::People(page) => pages::people::list::frame(*page, &context.nonce),
            Page::Audit(page) => pages::people::audit::frame(*page),
            Page::Privacy(page) => pages::people::privacy::frame(page),
            Page::Problem(problem) => pages::problem::frame(problem, &context),
            Page::YourFile => pages::your_file::frame(&context),
            Page::Demo(demo) => pages::demo::frame(*demo, &context),
        };
        document::document(frame, &context)
    });
    owner.cleanup();
    document
}

/// What chooses light or dark, served at `/assets/theme.js` for pages that are files; others have it in them.
#[cfg(feature = "ssr")]
pub fn theme_script() -> &'static str {
    document::THEME_SCRIPT
}

/// All style sheets as one, served at `/assets/style.css`.
#[cfg(feature = "ssr")]
pub fn stylesheet() -> &'static str {
    sheets::whole()
}
