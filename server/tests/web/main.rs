//! The real server on a free port, over real files.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod api;
mod compare;
mod damaged;
mod database;
mod demo;
mod events;
mod examples;
mod guards;
mod job_form;
mod jobs;
mod labels;
mod made_run;
mod openapi;
mod pages;
mod postgres;
mod question;
mod run_page;
mod runs_list;
mod served;
mod your_file;
