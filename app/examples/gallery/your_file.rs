//! The Your file page where nothing can be measured; its other states are made in the browser.

use app::page::Page;

pub fn pages() -> Vec<(&'static str, Page)> {
    vec![("your-file-without-module", Page::YourFile)]
}
