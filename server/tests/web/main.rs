//! The real server on a free port, over real files.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod access;
mod annotation;
mod annotation_adverse;
mod annotators_small;
mod api;
mod backup;
mod backup_refused;
mod check;
mod chores;
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
mod people;
mod person;
mod postgres;
mod question;
mod run_page;
mod runs_list;
mod served;
#[path = "../../../tests/tests/simulated/mod.rs"]
mod simulated;
mod site;
mod small_disk;
mod tampered;
mod your_file;
