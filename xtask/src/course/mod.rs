//! The course: lists and shows lessons, and checks that texts, programs and claims fit together.

mod catalog;
mod check;
mod show;

pub(crate) use catalog::promises;
pub(crate) use check::command as check;
pub(crate) use show::{list, read};
